import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { ArgsDef } from "citty";
import { resolveServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { storageName } from "../config/storage-config.ts";
import { linkOfOther } from "../primitives/fs/directory-owner.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import type { S3Storage } from "../primitives/s3/s3-storage.ts";
import type { StorageEngine } from "../primitives/store/engine/engine.ts";
import { unfinishedCopyIn } from "../primitives/store/engine/local/copy/unfinished-copy.ts";
import type { StorageTarget } from "../primitives/store/engine/storage-target.ts";
import { openEngine, openTarget } from "../primitives/store/open-engine.ts";
import { DirectoryInUseError } from "../server/data-directory.ts";
import { markedStorage } from "../server/storage-marker.ts";
import { CommandError } from "./command-error.ts";
import { isEmpty, withDirectory } from "./data-copy.ts";
import { OBJECT_STORE_ARGS, openOffline } from "./offline-storage.ts";

/** A data directory, or a bucket. */
export type Place =
  | { readonly kind: "local"; readonly name: string; readonly dataDir: string }
  | ({ readonly kind: "s3"; readonly name: string } & S3Storage);

/** How the bucket that is copied from is reached, where it is reached in another way than the one that is copied to. */
export const SOURCE_ARGS: ArgsDef = Object.fromEntries(
  Object.entries(OBJECT_STORE_ARGS).map(([name, arg]) => [
    name.replace("storage-", "from-"),
    { ...arg, description: `--${name} of the bucket that is copied from, if it is another one` },
  ]),
);

/** Throws `UsageError`. */
export function parsePlace(text: string, flags: readonly string[], usage: string): Place {
  if (!/^[a-z0-9+]+:\/\//i.test(text)) {
    const dataDir = resolve(text);
    return { kind: "local", name: dataDir, dataDir };
  }
  if (!text.startsWith("s3://"))
    throw new UsageError(
      `'${text}' is neither a directory nor a bucket such as s3://bucket/prefix; ${usage}`,
    );
  const { storage } = resolveServerConfig([...flags, "--storage", text], process.env);
  if (storage.kind !== "s3") throw new Error(`${text} is no bucket`);
  return { ...storage, name: storageName(storage) ?? text };
}

/** The flags with those of the source in place of the usual ones. */
export function sourceFlags(flags: readonly string[]): readonly string[] {
  return [...targetFlags(flags), ...pairs(flags).filter(isOfSource).flat()].map((flag) =>
    flag.replace(/^--from-/, "--storage-"),
  );
}

/** The flags without those of the source. */
export function targetFlags(flags: readonly string[]): readonly string[] {
  return pairs(flags)
    .filter((pair) => !isOfSource(pair))
    .flat();
}

const isOfSource = ([flag = ""]: readonly string[]) => flag.startsWith("--from-");

/** Each flag with its value, in one word or two. */
function pairs(flags: readonly string[]): readonly (readonly string[])[] {
  const found: string[][] = [];
  for (const word of flags) {
    if (word.startsWith("--")) found.push([word]);
    else found.at(-1)?.push(word);
  }
  return found;
}

/** What is copied from. */
export interface CopySource {
  readonly name: string;
  readonly engine: StorageEngine;
  /** Who uses the source, in words; `undefined`: nobody does. */
  usedBy(): Promise<string | undefined>;
}

/** Runs `work` with the source. A directory is locked, unless a server uses it; a bucket can't be. */
export async function withSource<T>(
  place: Place,
  usage: string,
  work: (source: CopySource) => Promise<T>,
): Promise<T> {
  const { name } = place;
  if (place.kind === "s3") {
    await using storage = await openOffline({ dataDir: "", storage: place }, usage);
    const usedBy = async () => {
      const nodes = await storage.liveNodes();
      const names = nodes.map((node) => node.name).join(", ");
      return nodes.length === 0 ? undefined : `nodes, or was half a minute ago (${names})`;
    };
    return await work({ name, engine: storage.engine, usedBy });
  }
  const { dataDir } = place;
  if (!existsSync(dataDir)) throw new UsageError(`there is no data directory ${dataDir}; ${usage}`);
  const marked = markedStorage(dataDir)?.storage;
  if (marked !== undefined)
    throw new UsageError(
      `the data directory ${dataDir} belongs to a node of ${marked} and holds no stores; copy from ${marked}`,
    );
  const run = async (usedBy: string | undefined) => {
    const engine = await openEngine({ kind: "local", dataDir }, consoleLogger);
    return work({ name, engine, usedBy: async () => usedBy });
  };
  let isLocked = false;
  try {
    return await withDirectory(dataDir, () => {
      isLocked = true;
      return run(undefined);
    });
  } catch (error) {
    if (isLocked || !(error instanceof DirectoryInUseError)) throw error;
    return await run("a server or another command");
  }
}

/** Runs `work` with the target, which is empty or has an unfinished copy of `from`. */
export async function withTarget<T>(
  place: Place,
  from: string,
  usage: string,
  work: (target: StorageTarget) => Promise<T>,
): Promise<T> {
  if (place.kind === "s3") return work(await openTarget(place, from));
  const { dataDir } = place;
  const unfinished = existsSync(dataDir) ? unfinishedCopyIn(dataDir) : undefined;
  if (unfinished && (unfinished.by !== "storage copy" || unfinished.from !== from))
    throw new CommandError(
      `${dataDir} has a copy of ${unfinished.from} that is not finished; finish that one, or delete what is there`,
    );
  if (!unfinished && !isEmpty(dataDir))
    throw new UsageError(`the directory ${dataDir} is not empty; copy to another one; ${usage}`);
  const link = existsSync(dataDir) ? linkOfOther(dataDir) : undefined;
  if (link !== undefined)
    throw new UsageError(`${link} is a link, through which root would write elsewhere; remove it`);
  return withDirectory(dataDir, async () => work(await openTarget(place, from)), {
    allowsUnfinishedRestore: true,
  });
}
