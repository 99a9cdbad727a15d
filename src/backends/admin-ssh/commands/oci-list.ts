import type { RepositoryName } from "../../../registry/repository-name.ts";
import { summarize } from "../../oci-http/image-summary.ts";
import type { InstanceName } from "../../oci-http/instance-config.ts";
import type { OciStore } from "../../oci-http/oci-store.ts";
import { type Command, type CommandContext, ConsoleError } from "../command.ts";
import { shortDigest, sizeOf, table, timeOf } from "../table.ts";
import { hasRole, INSTANCE, readInstance, readTarget } from "./oci-access.ts";

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
      const oci = context.instances.storeOf(instance);
      if (target === undefined) return listRepositories(oci, instance, context);
      const { repository, tag } = readTarget(target);
      if (tag) throw new ConsoleError(`'${target}' names a tag; use the repository alone`);
      if (!hasRole(context, instance, repository, "reader") || !oci.index.hasRepository(repository)) {
        throw new ConsoleError(`no repository '${repository}' in '${instance}' that you may read`);
      }
      return listTags(oci, repository, context);
    },
  },
];

function listRepositories(oci: OciStore, instance: InstanceName, context: CommandContext): string[] {
  const rows: string[][] = [];
  for (const repository of oci.index.repositoriesAfter("")) {
    if (!hasRole(context, instance, repository, "reader")) continue;
    if (rows.length === MAX_ROWS) return [...table(["repository", "tags"], rows, context), "…"];
    rows.push([repository, String(oci.index.countTags(repository))]);
  }
  return rows.length > 0 ? table(["repository", "tags"], rows, context) : ["no repositories"];
}

async function listTags(
  oci: OciStore,
  repository: RepositoryName,
  context: CommandContext,
): Promise<string[]> {
  const tags = oci.index.tags(repository, "", MAX_ROWS + 1);
  const shown = tags.slice(0, MAX_ROWS);
  const rows: string[][] = [];
  for (const tag of shown) {
    const digest = oci.index.tagDigest(repository, tag);
    if (!digest) continue;
    const { size, platforms } = summarize(oci, repository, digest);
    const event = await oci.history.lastEvent(repository, tag);
    const when = event ? timeOf(event.seconds) : "-";
    rows.push([tag, shortDigest(digest), sizeOf(size), platforms.join(",") || "-", when, event?.user ?? "-"]);
  }
  const header = ["tag", "digest", "size", "platforms", "last push (UTC)", "by"];
  return [...table(header, rows, context), ...(tags.length > MAX_ROWS ? ["…"] : [])];
}
