import { existsSync, readFileSync } from "node:fs";
import { type ArgsDef, defineCommand } from "citty";
import { UsageError } from "../config/settings.ts";
import { ExpectedError } from "../primitives/expected-error.ts";
import { replaceFile } from "../primitives/fs/durable.ts";
import type { StorageTarget } from "../primitives/store/engine/storage-target.ts";
import type { ObjectId } from "../primitives/store/git/object-id.ts";
import type { TransferredBlobs } from "../primitives/store/transfer/transfer-blobs.ts";
import {
  isStill,
  type TransferredStore,
  transferContent,
  transferStore,
} from "../primitives/store/transfer/transfer-store.ts";
import { formatSize } from "../primitives/text/byte-size.ts";
import { counted } from "../primitives/text/counted.ts";
import { CommandError } from "./command-error.ts";
import {
  type CopySource,
  type Place,
  parsePlace,
  SOURCE_ARGS,
  sourceFlags,
  targetFlags,
  withSource,
  withTarget,
} from "./copy-places.ts";
import { CopyProgress } from "./copy-progress.ts";
import { copySecrets } from "./copy-secrets.ts";
import { finishing } from "./data-copy.ts";
import { splitFlags } from "./data-directory-args.ts";
import { OBJECT_STORE_ARGS } from "./offline-storage.ts";

const PARTIAL = "--partial";
const USAGE = `use: everlock storage copy <from> <to> [${PARTIAL}] [--storage-endpoint <url>] [--storage-region <region>]`;
const FLAGS: ArgsDef = {
  ...OBJECT_STORE_ARGS,
  ...SOURCE_ARGS,
  config: { type: "string", description: "the server's configuration file", valueHint: "file" },
};
const ARGS: ArgsDef = {
  action: { type: "positional", required: false, description: "copy" },
  from: { type: "positional", required: false, description: "data directory, or s3://bucket/prefix" },
  to: { type: "positional", required: false, description: "the same; empty, or an unfinished copy" },
  partial: { type: "boolean", description: "finish the copy even if blobs are damaged in the source" },
  ...FLAGS,
};

/** Files of a data directory that tell only its server something. */
const FILES = ["token_uses.json", "known_networks.json"];
/** Between looks whether another process copies to the same place, in milliseconds. */
const CHECK_MS = 10_000;

export const storage = defineCommand({
  meta: {
    name: "storage",
    description:
      "Copy all data from a data directory to a bucket or back, with the same commits; run again, it resumes",
  },
  args: ARGS,
  async run({ rawArgs }) {
    const isPartial = rawArgs.includes(PARTIAL);
    const { words, flags } = splitFlags(
      rawArgs.filter((arg) => arg !== PARTIAL),
      FLAGS,
    );
    const [action, from, to, ...more] = words;
    const unknown = words.find((word) => word.startsWith("-"));
    if (unknown !== undefined) throw new UsageError(`unknown flag '${unknown}'; ${USAGE}`);
    if (action !== "copy" || from === undefined || to === undefined || more.length > 0)
      throw new UsageError(USAGE);
    await copyStorage(
      parsePlace(from, sourceFlags(flags), USAGE),
      parsePlace(to, targetFlags(flags), USAGE),
      isPartial,
    );
  },
});

async function copyStorage(from: Place, to: Place, isPartial: boolean): Promise<void> {
  refuseOverlap(from, to);
  await withSource(from, USAGE, async (source) => {
    const names = (await source.engine.list()).toSorted();
    if (names.length === 0) throw new CommandError(`there are no stores in ${from.name}`);
    await withTarget(to, from.name, USAGE, (target) =>
      finishing(`the copy to ${to.name}`, "run the same command again to resume it", async () => {
        await copyStores(source, target, names, isPartial);
        if (from.kind === "local" && to.kind === "local") await copyFiles(from.dataDir, to.dataDir);
        await target.finish();
      }),
    );
  });
  const next =
    to.kind === "s3"
      ? `start nodes with --storage ${to.name}, each with a data directory of its own`
      : `start the server with --data-dir ${to.dataDir}`;
  process.stdout.write(`The copy is finished: ${next}\n`);
}

function refuseOverlap(from: Place, to: Place): void {
  const isSame =
    from.kind === "s3"
      ? to.kind === "s3" && to.name === from.name && to.bucket.endpoint === from.bucket.endpoint
      : to.kind === "local" && `${to.dataDir}/`.startsWith(`${from.dataDir}/`);
  if (isSame) throw new UsageError(`${to.name} is, or is in, what is copied; ${USAGE}`);
}

/** All that is copied between any two places. */
async function copyStores(
  source: CopySource,
  target: StorageTarget,
  names: readonly string[],
  isPartial: boolean,
): Promise<void> {
  const { engine, name: place } = source;
  const progress = await progressOf(source, target, names);
  const checking = setInterval(
    () => target.checkOurs().catch((error) => isTakenOver(error) && progress.fail(error)),
    CHECK_MS,
  );
  try {
    const usedBy = await source.usedBy();
    const heads = new Map<string, ObjectId | undefined>();
    let damaged = 0;
    for (const name of names) {
      const transfer = { engine, name, target, watch: progress };
      const copied: TransferredBlobs & Partial<TransferredStore> =
        usedBy === undefined ? await transferStore(transfer) : await transferContent(transfer);
      damaged += copied.damaged.length;
      heads.set(name, copied.head);
      report(name, copied, progress);
    }
    if (damaged > 0 && !isPartial)
      throw new CommandError(
        `${damaged} ${damaged === 1 ? "blob is" : "blobs are"} damaged in ${place}; push them again, or finish with ${PARTIAL} without them`,
      );
    await refuseUse(source, usedBy, heads);
    await copySecrets(engine, (name, bytes) => target.putSecret(name, bytes));
  } finally {
    clearInterval(checking);
    progress.clear();
  }
}

async function progressOf(
  { engine }: CopySource,
  target: StorageTarget,
  names: readonly string[],
): Promise<CopyProgress> {
  let [total, present] = [0, 0];
  for (const name of names) {
    total += await engine.contentBytes(name);
    const { blobs } = await target.store(name, await engine.hasContent(name));
    present += (await blobs?.bytes()) ?? 0;
  }
  return new CopyProgress({ total, present, output: process.stderr });
}

function isTakenOver(error: unknown): boolean {
  return error instanceof ExpectedError && error.kind === "conflict";
}

function report(
  name: string,
  { copied, copiedBytes, damaged, head }: TransferredBlobs & Partial<TransferredStore>,
  progress: CopyProgress,
): void {
  for (const digest of damaged) progress.line(`${name}: the blob ${digest} is damaged and was left out`);
  progress.clear();
  const at = head === undefined ? "" : `; the newest commit is ${head}`;
  process.stdout.write(`${name}: ${counted(copied, "blob")} copied (${formatSize(copiedBytes)})${at}\n`);
}

/** Throws if the source was used since the copy began: the copy could lack something. */
async function refuseUse(
  source: CopySource,
  usedBy: string | undefined,
  heads: ReadonlyMap<string, ObjectId | undefined>,
): Promise<void> {
  const { engine, name: place } = source;
  if (usedBy !== undefined)
    throw new CommandError(`${place} is used by ${usedBy}, so only blobs were copied: stop that first`);
  const usedByNow = await source.usedBy();
  if (usedByNow !== undefined) throw new CommandError(`${place} is used by ${usedByNow}`);
  for (const [name, head] of heads)
    if (!(await isStill(engine, name, head)))
      throw new CommandError(`the store '${name}' in ${place} was changed meanwhile`);
}

async function copyFiles(from: string, to: string): Promise<void> {
  for (const name of FILES)
    if (existsSync(`${from}/${name}`))
      await replaceFile(`${to}/${name}`, readFileSync(`${from}/${name}`), 0o600);
}
