import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { ArgsDef } from "citty";
import {
  type ExportedImages,
  exportImages,
  type ImageExport,
} from "../backends/oci-http/export/export-images.ts";
import { type CommitReader, commitAtPoint } from "../backends/oci-http/export/exported-state.ts";
import { type PointInTime, parsePointInTime } from "../backends/oci-http/history/point-in-time.ts";
import { parseImportSelection, type SelectedImport } from "../backends/oci-http/import/import-selection.ts";
import type { ServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { replaceFile } from "../primitives/fs/durable.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import { localStores } from "../primitives/store/open-engine.ts";
import type { StoreManager, StoreName } from "../primitives/store/store-manager.ts";
import { counted } from "../primitives/text/counted.ts";
import { visibleText } from "../primitives/text/visible-text.ts";
import { chooseStore } from "./choose-store.ts";
import { CommandError } from "./command-error.ts";
import { CopyProgress } from "./copy-progress.ts";
import { finishing, isEmpty, withDirectory } from "./data-copy.ts";
import { serverDirectory, splitFlags } from "./data-directory-args.ts";
import { openOffline } from "./offline-storage.ts";
import { settledCommits, withSettledStores } from "./settled-stores.ts";
import { storedBlobs } from "./stored-blobs.ts";

/** Flags of `everlock export --format oci`. */
export const IMAGE_ARGS: ArgsDef = {
  format: {
    type: "string",
    description: "git: the commits; oci: the images, as an OCI layout for each repository (default: git)",
    valueHint: "git|oci",
  },
  repositories: {
    type: "string",
    description: "with oci: only these, such as 'team/**' or 'app:v*,latest'; may be given several times",
    valueHint: "pattern",
  },
  at: { type: "string", description: "with oci: as of a time, an age or a commit", valueHint: "when" },
};
/** In the exported directory: which store it is of. */
const MARKER = "everlock-images.json";

export interface ImageFlags {
  readonly format: "git" | "oci";
  readonly selection: SelectedImport;
  readonly at: PointInTime | undefined;
}

/** Separates the flags of `IMAGE_ARGS` from the others. Throws `UsageError`. */
export function imageFlags(rawArgs: readonly string[], usage: string): { flags: ImageFlags; rest: string[] } {
  const { words: rest, flags } = splitFlags(rawArgs, IMAGE_ARGS);
  let [format, at]: [string, PointInTime | undefined] = ["git", undefined];
  const patterns: string[] = [];
  for (let i = 0; i < flags.length; i++) {
    const [, name, value] = flags[i]?.match(/^--([a-z-]+)(?:=(.*))?$/s) ?? [];
    const text = value ?? flags[++i] ?? "";
    if (name === "format") format = text;
    else if (name === "repositories") patterns.push(text);
    else {
      at = parsePointInTime(text);
      if (!at)
        throw new UsageError(
          `--at: '${text}' is no time, such as 2h, yesterday or 2026-11-24, and no commit`,
        );
    }
  }
  if (format !== "git" && format !== "oci") throw new UsageError(`--format is git or oci; ${usage}`);
  if (format === "git" && (at || patterns.length > 0))
    throw new UsageError(
      "--repositories and --at require --format oci: a Git repository has the whole history",
    );
  const selection = parseImportSelection(patterns, { taggedOnly: false, prefix: "" });
  if ("wrong" in selection)
    throw new UsageError(`'${selection.wrong}' selects no repositories; use a pattern such as 'team/**'`);
  return { flags: { format, selection, at }, rest };
}

interface StoreImages {
  readonly wanted: string;
  readonly dir: string;
  readonly config: ServerConfig;
  readonly flags: ImageFlags;
  readonly usage: string;
}

/** Writes the images of a store; the server that uses it removes nothing meanwhile. */
export async function exportStoreImages({ wanted, dir, config, flags, usage }: StoreImages): Promise<void> {
  if (config.storage.kind === "s3") {
    await using storage = await openOffline(config, usage);
    const { stores, place } = storage;
    const name = chooseStore(await stores.list(), wanted);
    const store = await stores.open(name);
    try {
      const commits: CommitReader = {
        head: store.head().commitId,
        commitAt: (id) => store.commitAt(id),
        at: (id) => store.at(id),
      };
      await writeImages({ dir, flags, name, place, commits, stores });
    } finally {
      await store.close();
    }
    return;
  }
  const dataDir = serverDirectory(config, usage) ?? resolve(config.dataDir);
  const stores = localStores(dataDir, consoleLogger);
  const name = chooseStore(await stores.list(), wanted);
  if (`${dir}/`.startsWith(`${dataDir}/`))
    throw new UsageError(`${dir} is part of the data directory; choose a directory elsewhere`);
  await withSettledStores(dataDir, async ({ unusable }) => {
    const problem = unusable.get(name);
    if (problem) throw problem;
    const commits = await settledCommits(dataDir, name);
    try {
      await writeImages({ dir, flags, name, place: dataDir, commits, stores });
    } finally {
      await commits.close();
    }
  });
}

interface Writing extends Pick<StoreImages, "dir" | "flags"> {
  readonly name: StoreName;
  readonly place: string;
  readonly commits: CommitReader;
  readonly stores: StoreManager;
}

async function writeImages({ dir, flags, name, place, commits, stores }: Writing): Promise<void> {
  const { selection, at: point } = flags;
  const at = await commitAtPoint(commits, point);
  if (!at)
    throw new CommandError(
      point ? `the history of ${name} has no such moment` : `${name} has no commits yet`,
    );
  const marker = `${JSON.stringify({ store: name, from: place })}\n`;
  refuseOther(dir, marker);
  mkdirSync(dir, { recursive: true });
  const exported = await finishing(`the export to ${dir}`, "run the same command again", () =>
    withDirectory(
      dir,
      async () => {
        await replaceFile(`${dir}/${MARKER}`, Buffer.from(marker), 0o600);
        const blobs = await storedBlobs(stores, name);
        return withProgress({ commits, blobs, at, selection, directory: dir });
      },
      { what: "export" },
    ),
  );
  report(exported, dir, at);
  const [unused] = selection.unused();
  if (unused !== undefined) throw new CommandError(`'${unused}' selects nothing of ${name}, as of ${at}`);
}

async function withProgress(
  request: Omit<ImageExport, "begins" | "copied" | "found">,
): Promise<ExportedImages> {
  let progress = new CopyProgress({ total: 0, present: 0, output: process.stderr });
  try {
    return await exportImages({
      ...request,
      begins: (total) => {
        progress = new CopyProgress({ total, present: 0, output: process.stderr });
      },
      copied: (bytes) => progress.copied(bytes),
      found: (bytes) => progress.found(bytes),
    });
  } finally {
    progress.clear();
  }
}

function refuseOther(dir: string, marker: string): void {
  const known = existsSync(`${dir}/${MARKER}`) ? readFileSync(`${dir}/${MARKER}`, "utf8") : undefined;
  if (known === marker || (known === undefined && isEmpty(dir))) return;
  throw new UsageError(`${dir} contains something other than images of this store; choose another directory`);
}

function report({ repositories, tags, manifests, missing }: ExportedImages, dir: string, at: string): void {
  const what = `${counted(tags, "tag")} and ${counted(manifests, "manifest")} of ${counted(repositories, "repository", "repositories")}`;
  process.stdout.write(`${visibleText(`${what} written to ${dir}, as of ${at}`)}\n`);
  for (const line of missing) process.stdout.write(`${visibleText(line)}\n`);
  if (missing.length > 0)
    throw new CommandError(
      `${missing.length} blobs or manifests are missing; all else was written to ${dir}`,
    );
}
