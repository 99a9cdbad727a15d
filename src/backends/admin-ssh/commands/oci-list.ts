import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import { formatSize } from "../../../primitives/text/byte-size.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { summarize } from "../../oci-http/operations/image-summary.ts";
import { measureStore } from "../../oci-http/operations/store-statistics.ts";
import type { InstanceName } from "../../oci-http/settings/instance-config.ts";
import type { OciStore } from "../../oci-http/store/oci-store.ts";
import { statusOf } from "../../oci-http/store/store-status.ts";
import type { Command, CommandContext, Listing } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { hasRole, INSTANCE, readInstance, readServed, readTarget, type Served } from "./oci-access.ts";
import { isoTimeOf, listing, shortDigest } from "./table.ts";

const MAX_ROWS = 500;

export const OCI_LIST_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "ls",
    parameters: [INSTANCE, { name: "repository", optional: true }],
    summary: "list a registry's repositories, or a repository's tags",
    example: "/oci ls default alpine",
    adminOnly: false,
    async run([name = "", target], context) {
      const instance = readInstance(name);
      const served = await readServed(context, instance);
      if (target === undefined) return listRepositories(served, instance, context);
      const { repository, tag } = readTarget(target);
      if (tag) throw new ConsoleError(`'${target}' names a tag; use the repository alone`);
      if (!hasRole(context, instance, repository, "reader") || !served.view.index.hasRepository(repository)) {
        throw new ConsoleError(`no repository '${repository}' in '${instance}' that you may read`);
      }
      return listTags(served, repository, context);
    },
  },
  {
    scope: "oci",
    verb: "stat",
    parameters: [INSTANCE],
    summary: "count what a registry's store holds, what sharing saves, and how it grew",
    example: "/oci stat default",
    adminOnly: true,
    run: ([name = ""], context) => showStatistics(context.instances.storeOf(readInstance(name)), context),
  },
];

async function listRepositories(
  { view }: Served,
  instance: InstanceName,
  context: CommandContext,
): Promise<Listing> {
  const pace = new Pace(1);
  const records: { readonly repository: RepositoryName; readonly tags: number }[] = [];
  let more = false;
  for (const repository of view.index.repositoriesAfter("")) {
    await pace.rest();
    if (!hasRole(context, instance, repository, "reader")) continue;
    more = records.length === MAX_ROWS;
    if (more) break;
    records.push({ repository, tags: view.index.countTags(repository) });
  }
  const columns = {
    repository: (record: (typeof records)[0]) => record.repository,
    tags: (record: (typeof records)[0]) => String(record.tags),
  };
  return listing(records, columns, context, { empty: "no repositories", more });
}

interface TagRecord {
  readonly tag: Tag;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly platforms: readonly string[];
  readonly pushed: string | undefined;
  readonly by: string | undefined;
}

const TAG_COLUMNS: Readonly<Record<string, (record: TagRecord) => string>> = {
  tag: ({ tag }) => tag,
  digest: ({ digest }) => shortDigest(digest),
  size: ({ size }) => formatSize(size),
  platforms: ({ platforms }) => platforms.join(",") || "-",
  "last push (UTC)": ({ pushed }) => pushed?.slice(0, 19).replace("T", " ") ?? "-",
  by: ({ by }) => by ?? "-",
};

async function listTags(
  { oci, view, until }: Served,
  repository: RepositoryName,
  context: CommandContext,
): Promise<Listing> {
  const tags = view.index.tags(repository, "", MAX_ROWS + 1);
  const records: TagRecord[] = [];
  const pace = new Pace(1);
  for (const tag of tags.slice(0, MAX_ROWS)) {
    await pace.rest();
    const digest = view.index.tagDigest(repository, tag);
    if (!digest) continue;
    const event = await oci.history.lastEvent(repository, tag, until);
    const pushed = event && isoTimeOf(event.seconds);
    records.push({ tag, digest, ...(await summarize(view, repository, digest)), pushed, by: event?.user });
  }
  return listing(records, TAG_COLUMNS, context, { more: tags.length > MAX_ROWS });
}

/** Days of growth that are shown. */
const MAX_DAYS = 14;

async function showStatistics(oci: OciStore, context: CommandContext): Promise<Listing> {
  const { blobs, storedBytes, savedBytes, addedBytes } = await measureStore(oci);
  const { manifestBytes, uploads, uploadBytes } = statusOf(oci);
  const { repositories, tags, manifests } = oci.index.counts();
  const days = (await oci.history.commitsByDay(MAX_DAYS)).map(({ day, commits }) => ({
    day,
    commits,
    addedBytes: addedBytes.get(day) ?? 0,
  }));
  const growth = listing(
    days,
    {
      "day (UTC)": ({ day }: (typeof days)[0]) => day,
      commits: ({ commits }: (typeof days)[0]) => String(commits),
      "bytes added": ({ addedBytes }: (typeof days)[0]) => formatSize(addedBytes),
    },
    context,
  );
  return {
    lines: [
      `${repositories} repositories, ${tags} tags, ${manifests} manifests, ${blobs} blobs`,
      `${formatSize(storedBytes)} stored, ${formatSize(savedBytes)} saved by sharing`,
      `${formatSize(manifestBytes)} of manifests, ${formatSize(uploadBytes)} in ${uploads} open uploads`,
      "",
      ...growth.lines,
    ],
    records: [
      {
        repositories,
        tags,
        manifests,
        blobs,
        storedBytes,
        savedBytes,
        manifestBytes,
        uploads,
        uploadBytes,
      },
      ...days,
    ],
  };
}
