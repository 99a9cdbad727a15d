import { type ArgsDef, defineCommand } from "citty";
import { INSTANCES_PATH, SYSTEM_STORE } from "../backends/oci-http/settings/instance-config.ts";
import { checkDatabases } from "../backends/oci-http/upkeep/database-check.ts";
import { type CheckOptions, checkBlobs } from "../backends/oci-http/upkeep/store-check.ts";
import { resolveServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { failureOf } from "../primitives/errors/failure.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import type { Store } from "../primitives/store/commits/store.ts";
import type { BlobStore } from "../primitives/store/engine/blobs.ts";
import { checkLog } from "../primitives/store/engine/s3/log/log-check.ts";
import { S3Engine } from "../primitives/store/engine/s3/s3-engine.ts";
import { exportRepository } from "../primitives/store/export-repository.ts";
import { localStores } from "../primitives/store/open-engine.ts";
import type { StoreManager, StoreName } from "../primitives/store/store-manager.ts";
import { visibleText } from "../primitives/text/visible-text.ts";
import { chooseStores } from "./choose-store.ts";
import { CommandError } from "./command-error.ts";
import { DATA_DIRECTORY_ARGS, wordsAndFlags } from "./data-directory-args.ts";
import { type OfflineStorage, openOffline, STORAGE_ARGS } from "./offline-storage.ts";
import { partialStoresIn } from "./partial-stores.ts";
import { storedBlobs } from "./stored-blobs.ts";

const ARGS: ArgsDef = {
  store: { type: "positional", required: false, description: "store to check (default: all)" },
  ...DATA_DIRECTORY_ARGS,
  ...STORAGE_ARGS,
};

const USAGE = "use: everlock fsck [<store>] [--data-dir <dir> | --storage s3://<bucket>/<prefix>]";

export const fsck = defineCommand({
  meta: {
    name: "fsck",
    description:
      "Check every object, blob and index while no server runs, or of a bucket also beside nodes; exits with 1 if anything is damaged",
  },
  args: ARGS,
  async run({ rawArgs }) {
    const { words, flags } = wordsAndFlags(rawArgs);
    if (words.length > 1) throw new UsageError(USAGE);
    const config = resolveServerConfig(flags, process.env);
    await using storage = await openOffline(config, USAGE);
    const { engine, stores } = storage;
    const names = await stores.list();
    const partial = names.includes(SYSTEM_STORE)
      ? partialStoresIn(await registriesIn(storage).catch(() => undefined), config)
      : [];
    const inspect = (name: StoreName) => {
      const mayLackBlobs = partial.includes(name);
      return engine instanceof S3Engine
        ? inspectBucket(storage, engine, name, mayLackBlobs)
        : inspectDirectory(stores, name, mayLackBlobs);
    };
    let damaged = 0;
    for (const name of chooseStores(names, words[0])) damaged += await check(name, inspect);
    if (damaged > 0) throw new CommandError(`${damaged} ${damaged === 1 ? "problem" : "problems"} found`);
  },
});

interface Findings {
  readonly problems: readonly string[];
  readonly counts: readonly string[];
}

/** Prints the problems of one store and returns their number. */
async function check(name: StoreName, inspect: (name: StoreName) => Promise<Findings>): Promise<number> {
  const print = (line: string) => process.stdout.write(`${visibleText(`${name}: ${line}`)}\n`);
  try {
    const { problems, counts } = await inspect(name);
    for (const problem of problems) print(problem);
    const verdict = problems.length === 0 ? "no damage" : `${problems.length} damaged or missing`;
    print(`${counts.join(", ")}: ${verdict}`);
    return problems.length;
  } catch (error) {
    const { kind, detail } = failureOf(error);
    if (kind === "bug" || kind === "unavailable") throw error;
    // The other stores are still checked.
    print(`can't be opened: ${detail}`);
    return 1;
  }
}

/** The file of registries. Rejects if its store can't be read, which its own check then reports. */
async function registriesIn({ engine, stores, dir }: OfflineStorage): Promise<Uint8Array | undefined> {
  const copies = `${dir}/exported`;
  if (engine instanceof S3Engine)
    await exportRepository({ engine, store: SYSTEM_STORE }, `${copies}/${SYSTEM_STORE}`, () => undefined);
  const readable = engine instanceof S3Engine ? localStores(copies, consoleLogger) : stores;
  const system = await readable.open(SYSTEM_STORE);
  try {
    return (await system.head().read(INSTANCES_PATH)) ?? undefined;
  } finally {
    await system.close();
  }
}

async function inspectDirectory(
  manager: StoreManager,
  name: StoreName,
  mayLackBlobs: boolean,
): Promise<Findings> {
  const store = await manager.open(name);
  try {
    // Compared as they are on disk: opening them in the usual way would rebuild or update them.
    const databases = async () => [
      ...(await checkDatabases(manager.directory(name), store)),
      ...(await manager.checkLinks(name)),
    ];
    return await inspectStore(store, await storedBlobs(manager, name), { databases, mayLackBlobs });
  } finally {
    await store.close();
  }
}

/** Checks the commits as they are at one moment, in a copy of them. Nothing is written to the bucket. */
async function inspectBucket(
  { stores, dir }: OfflineStorage,
  engine: S3Engine,
  name: StoreName,
  mayLackBlobs: boolean,
): Promise<Findings> {
  const copies = `${dir}/exported`;
  const lost: string[] = [];
  const copyCommits = () =>
    exportRepository({ engine, store: name }, `${copies}/${name}`, ({ message }) => void lost.push(message));
  const problems = await checkLog(engine.bucket, name, dir);
  await copyCommits();
  if (lost.length > 0) return { problems: [...lost, ...problems], counts: ["commits and blobs unchecked"] };
  const copied = localStores(copies, consoleLogger);
  let store = await copied.open(name);
  try {
    const catchUp = async () => {
      await store.close();
      await copyCommits();
      store = await copied.open(name);
      return store;
    };
    const found = await inspectStore(store, await storedBlobs(stores, name), { catchUp, mayLackBlobs });
    return { problems: [...problems, ...found.problems], counts: found.counts };
  } finally {
    await store.close();
  }
}

interface InspectOptions extends Pick<CheckOptions, "catchUp" | "mayLackBlobs"> {
  /** Checks what was derived from the commits. */
  readonly databases?: () => Promise<readonly string[]>;
}

async function inspectStore(
  store: Store,
  blobs: BlobStore | undefined,
  { catchUp, mayLackBlobs, databases = async () => [] }: InspectOptions,
): Promise<Findings> {
  const objects = await store.checkObjects();
  const counts = [`${objects.commits} commits`, `${objects.objects} objects`];
  if (!blobs) return { problems: objects.problems, counts };
  // Damaged objects can't tell which blobs are needed and what the index should contain.
  if (objects.problems.length > 0)
    return { problems: objects.problems, counts: [...counts, "blobs unchecked"] };
  const options = { setsAside: false, mayLackBlobs, step: async () => true, ...(catchUp && { catchUp }) };
  const content = await checkBlobs({ store, blobs }, options);
  const problems = [...content.problems, ...(await databases())];
  return { problems, counts: [...counts, `${content.blobs} blobs`] };
}
