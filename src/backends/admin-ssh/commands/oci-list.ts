import { formatSize } from "../../../primitives/text/byte-size.ts";
import { counted } from "../../../primitives/text/counted.ts";
import { firstFew } from "../../../primitives/text/wrap.ts";
import type { Page } from "../../../registry/model/page.ts";
import { firstOf } from "../../first-of.ts";
import {
  listRepositories,
  listTags,
  type RepositoryRecord,
  type TagRecord,
} from "../../oci-http/operations/list.ts";
import {
  type DayRecord,
  readStatistics,
  type StatisticsRecord,
} from "../../oci-http/operations/statistics.ts";
import { WHOLE } from "./column-layout.ts";
import type { Command, Listing, Screen } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { INSTANCE, REPOSITORY, readInstance, readTarget } from "./oci-words.ts";
import { type Columns, formatTime, listing, shortDigest, TIME_LEAST } from "./table.ts";

const MAX_ROWS = 500;
/** Platforms of one image that are shown. */
const MAX_PLATFORMS = 6;
/** Days of growth shown. */
const MAX_DAYS = 14;

export const OCI_LIST_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "ls",
    parameters: [INSTANCE, { ...REPOSITORY, optional: true }],
    summary: "list a registry's repositories, or a repository's tags",
    example: "/oci ls default alpine",
    adminOnly: false,
    async run([name = "", target], context) {
      const instance = readInstance(name);
      if (target === undefined) {
        const repositories = listRepositories(context, context.actor, { instance });
        return renderRepositories(await firstOf(repositories, MAX_ROWS), context);
      }
      const { repository, tag } = readTarget(target);
      if (tag) throw new ConsoleError(`'${target}' names a tag; use the repository alone`);
      const tags = listTags(context, context.actor, { instance, repository });
      return renderTags(await firstOf(tags, MAX_ROWS), context);
    },
  },
  {
    scope: "oci",
    verb: "stat",
    parameters: [INSTANCE],
    summary: "show the size of a registry's store, its deduplication and its growth",
    example: "/oci stat default",
    adminOnly: true,
    async run([name = ""], context) {
      const request = { instance: readInstance(name), days: MAX_DAYS };
      return renderStatistics(await readStatistics(context, context.actor, request), context);
    },
  },
];

export function renderRepositories({ entries, more }: Page<RepositoryRecord>, screen: Screen): Listing {
  return listing(entries, REPOSITORY_COLUMNS, screen, { empty: "no repositories", more });
}

const REPOSITORY_COLUMNS: Columns<RepositoryRecord> = {
  repository: ({ repository }) => repository,
  tags: { cell: ({ tags }) => String(tags) },
};

export function renderTags({ entries, more }: Page<TagRecord>, screen: Screen): Listing {
  return listing(entries, TAG_COLUMNS, screen, { empty: "no tags", more });
}

const TAG_COLUMNS: Columns<TagRecord> = {
  tag: ({ tag }) => tag,
  digest: { cell: ({ digest }) => shortDigest(digest), leaveOut: 3, least: WHOLE },
  size: { cell: ({ size }) => formatSize(size), leaveOut: 2, least: WHOLE },
  platforms: { cell: ({ platforms }) => firstFew(platforms, MAX_PLATFORMS) || "-", leaveOut: 5 },
  "last push (UTC)": { cell: ({ pushed }) => (pushed ? formatTime(pushed) : "-"), least: TIME_LEAST },
  by: { cell: ({ by }) => by ?? "-", leaveOut: 4 },
  "last pull (UTC)": {
    cell: ({ pulled }) => (pulled ? formatTime(pulled) : "-"),
    least: TIME_LEAST,
    leaveOut: 6,
  },
};

export function renderStatistics({ days, ...totals }: StatisticsRecord, screen: Screen): Listing {
  const { repositories, tags, manifests, blobs } = totals;
  const { storedBytes, savedBytes, manifestBytes, uploads, uploadBytes } = totals;
  return {
    lines: [
      `${counted(repositories, "repository", "repositories")}, ${counted(tags, "tag")}, ${counted(manifests, "manifest")}, ${counted(blobs, "blob")}`,
      `${formatSize(storedBytes)} stored, ${formatSize(savedBytes)} saved by sharing`,
      `${formatSize(manifestBytes)} of manifests, ${formatSize(uploadBytes)} in ${counted(uploads, "open upload")}`,
      "",
      ...listing(days, DAY_COLUMNS, screen).lines,
    ],
    records: [totals, ...days],
  };
}

const DAY_COLUMNS: Columns<DayRecord> = {
  "day (UTC)": ({ day }) => day,
  commits: ({ commits }) => String(commits),
  "bytes added": ({ addedBytes }) => formatSize(addedBytes),
};
