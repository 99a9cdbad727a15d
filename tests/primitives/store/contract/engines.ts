import { cpSync } from "node:fs";
import { type Digest, digestOf } from "../../../../src/primitives/digest.ts";
import { SessionCounts, type SessionLimits } from "../../../../src/primitives/store/blobs/session-counts.ts";
import { LocalUploadLocks } from "../../../../src/primitives/store/blobs/upload-locks.ts";
import type {
  CommitStorage,
  ContentStorage,
  StorageEngine,
} from "../../../../src/primitives/store/engine/engine.ts";
import type {
  LinkOptions,
  OpenLinkReader,
  OwnedLinks,
} from "../../../../src/primitives/store/engine/links.ts";
import { LocalEngine } from "../../../../src/primitives/store/engine/local/local-engine.ts";
import type { Upload } from "../../../../src/primitives/store/engine/uploads.ts";
import { blobPath } from "../../../support/blob-path.ts";
import { bodyOf } from "../../../support/body-of.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { flipBit } from "../../../support/flipped-bit.ts";
import { startLeaseHolder } from "../../../support/lease-holder.ts";
import { MemoryEngine, type MemoryStorage } from "../../../support/memory-engine/memory-engine.ts";
import { type LeaseRecords, MemoryLeases, TERM_MS } from "../../../support/memory-engine/memory-leases.ts";
import { sharedS3Server } from "../../../support/s3-server.ts";
import { s3Storage } from "../../../support/s3-under-test.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";
import { type LeasesUnderTest, leasesWithTerm } from "./leases-under-test.ts";

/** The store that every contract is about. */
export const STORE = "everlock-test";

/** The part of an engine that keeps content. */
export type ContentEngine = Pick<StorageEngine, "create" | "openContent">;

/** What the contracts of blobs and uploads do with a storage. */
export interface ContentUnderTest {
  readonly engine: ContentEngine;
  /** The engine of a process that is started after this one was killed at this moment. */
  afterKill(): ContentEngine;
  /** Changes a byte of a blob, as a bad disk does. */
  damage(digest: Digest): void | Promise<void>;
}

/** One storage with an engine over it. */
export interface StorageUnderTest extends ContentUnderTest {
  readonly engine: StorageEngine;
  afterKill(): StorageEngine;
  /** The engine of another node, where several may use a storage. */
  readonly otherNode?: () => StorageEngine;
  readonly leases: LeasesUnderTest;
}

/** An engine that keeps the contracts, and how a test gets an empty storage of it. */
export interface EngineUnderTest {
  readonly name: string;
  /** Whether several nodes may use a storage at once. */
  readonly hasNodes: boolean;
  create(): StorageUnderTest;
}

/** An engine whose storages are kept by something that is started first. */
export interface ServedEngine extends Omit<EngineUnderTest, "create"> {
  /** The programs that it needs. */
  readonly needs: readonly string[];
  /** To be called in a `describe`, for whose tests it runs. */
  serve(): EngineUnderTest["create"];
}

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

function copyOf(directory: string): string {
  const copy = temporaryDirectory();
  cpSync(directory, copy, { recursive: true });
  return copy;
}

/** Leases of one machine, held by real processes. */
function localLeases(dataDir: string): LeasesUnderTest {
  return {
    openNode: () => new LocalEngine(dataDir, SILENT),
    acquireAndKill: async (name, holder) => {
      const child = await startLeaseHolder(dataDir, name, holder);
      child.kill("SIGKILL");
      await child.exited;
    },
    passTerm: async () => undefined,
  };
}

function memoryLeases(stores: MemoryStorage): LeasesUnderTest {
  const records: LeaseRecords = new Map();
  return leasesWithTerm(TERM_MS, (clock) => {
    const leases = new MemoryLeases(records, clock);
    return { engine: new MemoryEngine(stores, leases), cutOff: () => leases.cutOff() };
  });
}

function localStorage(dataDir = temporaryDirectory()): StorageUnderTest {
  return {
    engine: new LocalEngine(dataDir, SILENT),
    afterKill: () => new LocalEngine(copyOf(dataDir), SILENT),
    leases: localLeases(dataDir),
    damage: (digest) => flipBit(blobPath(`${dataDir}/${STORE}`, digest), 0, 0),
  };
}

function memoryStorage(stores: MemoryStorage = new Map()): StorageUnderTest {
  const open = () => new MemoryEngine(stores);
  return {
    engine: open(),
    afterKill: open,
    otherNode: open,
    leases: memoryLeases(stores),
    damage: (digest) => {
      const bytes = stores.get(STORE)?.blobs.get(digest)?.bytes;
      if (bytes) bytes[0] = (bytes[0] ?? 0) ^ 1;
    },
  };
}

/** Each engine that there is; another one is added by its line. */
export const ENGINES: readonly ServedEngine[] = [
  { name: "local", hasNodes: false, needs: [], serve: () => localStorage },
  { name: "memory", hasNodes: true, needs: [], serve: () => memoryStorage },
  { name: "s3", hasNodes: true, needs: ["versitygw"], serve: s3Storages },
];

function s3Storages(): () => StorageUnderTest {
  const nextLocation = sharedS3Server();
  return () => s3Storage(nextLocation());
}

/** Opens the commits, to be closed after the test. */
export async function openCommits(engine: StorageEngine): Promise<CommitStorage> {
  await engine.create(STORE);
  const commits = await engine.openCommits(STORE, undefined);
  afterThisTest(async () => {
    await commits.branch.close();
    await commits.objects.close();
  });
  return commits;
}

/** The part of an engine that keeps links. */
export type LinkEngine = Pick<StorageEngine, "create" | "openLinks" | "readLinks" | "checkLinks">;

/** Opens the links, to be closed after the test. */
export async function openLinks(engine: LinkEngine, options: Partial<LinkOptions> = {}): Promise<OwnedLinks> {
  await engine.create(STORE);
  const links = await engine.openLinks(STORE, { changed: () => undefined, needed: () => [], ...options });
  afterThisTest(() => links.close());
  return links;
}

/** Opens the links as another thread does, to be closed after the test. */
export async function readLinks(engine: LinkEngine): Promise<OpenLinkReader> {
  const links = await engine.readLinks(STORE);
  afterThisTest(() => links.close());
  return links;
}

interface OpenedContent extends ContentStorage {
  /** Blobs that were reported as damaged. */
  readonly damaged: readonly Digest[];
  /** A session that may be written to. */
  begin(algorithm?: "sha256" | "sha512"): Promise<Upload>;
  /** Uploads a blob. */
  push(bytes: Uint8Array, algorithm?: "sha256" | "sha512"): Promise<Digest>;
}

export const SCOPE = "team/app";

/** Opens blobs and uploads. */
export async function openContent(engine: ContentEngine, limits?: SessionLimits): Promise<OpenedContent> {
  await engine.create(STORE);
  const damaged: Digest[] = [];
  const { blobs, uploads } = await engine.openContent(STORE, {
    onDamage: (digest) => damaged.push(digest),
    locks: new LocalUploadLocks(),
    sessions: new SessionCounts(undefined, limits),
    isOwner: true,
  });
  const begin: OpenedContent["begin"] = async (algorithm = "sha256") => {
    const id = await uploads.create(SCOPE, algorithm);
    const upload = typeof id === "string" ? await uploads.find(id, SCOPE) : undefined;
    if (!upload) throw new Error("there is no session");
    return upload;
  };
  const push: OpenedContent["push"] = async (bytes, algorithm) => {
    const upload = await begin(algorithm);
    await uploads.append(upload, bodyOf(bytes), true);
    const digest = digestOf(bytes, algorithm);
    await uploads.finish({ ...upload, size: bytes.length }, digest);
    return digest;
  };
  return { blobs, uploads, damaged, begin, push };
}
