import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type ArgsDef, defineCommand } from "citty";
import { resolveServerConfig, type ServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { replaceFile, syncDirectory } from "../primitives/fs/durable.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import { S3Engine } from "../primitives/store/engine/s3/s3-engine.ts";
import { type ExportedRepository, exportRepository } from "../primitives/store/export-repository.ts";
import { localStores } from "../primitives/store/open-engine.ts";
import type { StoreName } from "../primitives/store/store-manager.ts";
import { formatSize } from "../primitives/text/byte-size.ts";
import { visibleText } from "../primitives/text/visible-text.ts";
import { isLockFile } from "../server/data-directory.ts";
import { markedStorage } from "../server/storage-marker.ts";
import { chooseStore } from "./choose-store.ts";
import { CommandError } from "./command-error.ts";
import { finishing, isEmpty, withDirectory } from "./data-copy.ts";
import { DATA_DIRECTORY_ARGS, existingDataDirectory, wordsAndFlags } from "./data-directory-args.ts";
import { exportStoreImages, IMAGE_ARGS, imageFlags } from "./export-images.ts";
import { openOffline, STORAGE_ARGS } from "./offline-storage.ts";
import { withSettledStores } from "./settled-stores.ts";

const ARGS: ArgsDef = {
  store: { type: "positional", required: false, description: "store to export" },
  dir: { type: "positional", required: false, description: "directory to write" },
  ...IMAGE_ARGS,
  ...DATA_DIRECTORY_ARGS,
  ...STORAGE_ARGS,
};

const USAGE =
  "use: everlock export <store> <dir> [--format git|oci [--repositories <pattern>] [--at <time>]] [--data-dir <dir> | --storage s3://<bucket>/<prefix>]";
/** In the exported repository: whose commits it has. */
const MARKER = "everlock-export.json";

export const exportCommand = defineCommand({
  meta: {
    name: "export",
    description:
      "Write the commits of a store as a bare Git repository, or its images as OCI layouts, also while servers run; run again, it goes on",
  },
  args: ARGS,
  async run({ rawArgs }) {
    const { flags: ownFlags, rest } = imageFlags(rawArgs, USAGE);
    const { words, flags } = wordsAndFlags(rest);
    const [wanted, target, ...others] = words;
    if (wanted === undefined || target === undefined || others.length > 0) throw new UsageError(USAGE);
    const dir = resolve(target);
    const config = resolveServerConfig(flags, process.env);
    if (ownFlags.format === "oci")
      return exportStoreImages({ wanted, dir, config, flags: ownFlags, usage: USAGE });
    const { name, exported } =
      config.storage.kind === "s3"
        ? await exportFromBucket(wanted, dir, config)
        : await exportFromDirectory(wanted, dir, existingDataDirectory(flags, USAGE));
    const head = exported.head === undefined ? "no commits yet" : `main is at ${exported.head}`;
    process.stdout.write(
      `${visibleText(`${name}: ${formatSize(exported.bytes)} written to ${dir}, ${head}`)}\n`,
    );
  },
});

interface Exported {
  readonly name: StoreName;
  readonly exported: ExportedRepository;
}

async function exportFromBucket(wanted: string, dir: string, config: ServerConfig): Promise<Exported> {
  await using storage = await openOffline(config, USAGE);
  const { engine, stores, place } = storage;
  if (!(engine instanceof S3Engine)) throw new UsageError(USAGE);
  const name = chooseStore(await stores.list(), wanted);
  const write = (target: string) => exportRepository({ engine, store: name }, target);
  return { name, exported: await intoRepository(dir, { store: name, from: place }, write) };
}

async function exportFromDirectory(wanted: string, dir: string, dataDir: string): Promise<Exported> {
  const marked = markedStorage(dataDir);
  if (marked)
    throw new UsageError(
      `the data directory ${dataDir} belongs to a node of ${marked.storage} and holds no stores; give --storage ${marked.storage} instead`,
    );
  const name = chooseStore(await localStores(dataDir, consoleLogger).list(), wanted);
  if (`${dir}/`.startsWith(`${dataDir}/`))
    throw new UsageError(`${dir} is part of the data directory; choose a directory elsewhere`);
  const exported = await withSettledStores(dataDir, ({ unusable }) => {
    const problem = unusable.get(name);
    if (problem) throw problem;
    const write = (target: string) => exportRepository({ directory: `${dataDir}/${name}` }, target);
    return intoRepository(dir, { store: name, from: dataDir }, write);
  });
  return { name, exported };
}

interface Origin {
  readonly store: StoreName;
  /** The data directory or the bucket. */
  readonly from: string;
}

/** Runs `write` on an earlier export, or on a directory beside `dir` that gets this name when it is whole. */
async function intoRepository<T>(
  dir: string,
  origin: Origin,
  write: (target: string) => Promise<T>,
): Promise<T> {
  const known = originOf(dir);
  if (known) {
    if (!isSame(known, origin))
      throw new UsageError(
        `${dir} has the commits of the store '${known.store}' in ${known.from}; choose another directory`,
      );
    return exporting(dir, dir, () => write(dir));
  }
  if (!isEmpty(dir)) throw new UsageError(`${dir} contains something other than an export; ${USAGE}`);
  const unfinished = `${dir}.exporting`;
  if (!isEmpty(unfinished) && !originOf(unfinished))
    throw new UsageError(`${unfinished}, where the export is made, contains something else; remove it`);
  return exporting(dir, unfinished, async () => {
    // What a killed export of another store has left.
    if (!isSame(originOf(unfinished), origin)) removeAllBut(unfinished, isLockFile);
    await replaceFile(`${unfinished}/${MARKER}`, Buffer.from(`${JSON.stringify(origin)}\n`), 0o600);
    const result = await write(unfinished);
    if (existsSync(dir)) removeAllBut(dir, () => false);
    renameSync(unfinished, dir);
    await syncDirectory(dirname(dir));
    return result;
  });
}

function removeAllBut(dir: string, stays: (name: string) => boolean): void {
  for (const name of readdirSync(dir)) if (!stays(name)) rmSync(`${dir}/${name}`, { recursive: true });
}

const isSame = (known: Origin | undefined, { store, from }: Origin) =>
  known?.store === store && known.from === from;

/** Runs `work` while no other command writes to the directory `at`. */
function exporting<T>(dir: string, at: string, work: () => Promise<T>): Promise<T> {
  return finishing(`the export to ${dir}`, "run the same command again", () =>
    withDirectory(at, work, { what: "export" }),
  );
}

/** `undefined` if the directory is no export. */
function originOf(dir: string): Origin | undefined {
  const path = `${dir}/${MARKER}`;
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Origin;
  } catch {
    throw new CommandError(`${path} is damaged; remove the export ${dir}, or choose another directory`);
  }
}
