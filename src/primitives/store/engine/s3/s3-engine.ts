import { mkdirSync } from "node:fs";
import { messageOf } from "../../../expected-error.ts";
import type { Logger } from "../../../logging/logger.ts";
import { credentialSource } from "../../../s3/credential-source.ts";
import { PlacedBlobs } from "../../../s3/placed-blobs.ts";
import { S3Bucket } from "../../../s3/s3-bucket.ts";
import { S3Client, type S3ClientOptions } from "../../../s3/s3-client.ts";
import { S3UncertainError } from "../../../s3/s3-errors.ts";
import { isAws } from "../../../s3/s3-location.ts";
import type { S3Storage } from "../../../s3/s3-storage.ts";
import { DamagedStoreError } from "../../commits/damaged-store.ts";
import type { ObjectId } from "../../git/object-id.ts";
import type { CommitStorage, ContentOptions, ContentStorage, StorageEngine, StorageRoom } from "../engine.ts";
import type { Leases } from "../leases.ts";
import type { LinkOptions, OpenLinkReader, OwnedLinks } from "../links.ts";
import type { LogMeasures } from "../measures.ts";
import type { Nodes } from "../nodes.ts";
import type { GivenSecretName, KeptSecret, SecretChange, SecretName } from "../secrets.ts";
import type { SharedNotes } from "../shared-notes.ts";
import { readLinksIn } from "../sqlite-links/links-reader.ts";
import { checkBucket, checkUsedBucket } from "./bucket-check.ts";
import { BlobCache } from "./content/blob-cache.ts";
import { BlobTotals } from "./content/blob-totals.ts";
import { MIN_GRACE_SECONDS } from "./content/blob-touches.ts";
import { contentBytesIn } from "./content/content-bytes.ts";
import { ContentKeys } from "./content/content-keys.ts";
import { PartMemory, uploadBytes } from "./content/part-memory.ts";
import { S3Blobs } from "./content/s3-blobs.ts";
import { S3Uploads } from "./content/s3-uploads.ts";
import { S3Branch } from "./log/s3-branch.ts";
import { S3Objects } from "./log/s3-objects.ts";
import { StoreLog } from "./log/store-log.ts";
import { LogMerging } from "./log-merging.ts";
import { S3Copies } from "./s3-copies.ts";
import { measuredLog } from "./shared/measured-log.ts";
import { S3Leases } from "./shared/s3-leases.ts";
import { checkS3Links, S3Links } from "./shared/s3-links.ts";
import { S3Nodes } from "./shared/s3-nodes.ts";
import { S3Notes } from "./shared/s3-notes.ts";
import { secondsBehind } from "./shared/seconds-behind.ts";
import { changeSecret, givenSecret, sharedSecret } from "./shared/shared-secret.ts";
import { readStoredRefs } from "./stored-refs.ts";

// What may live in this folder: all that knows the layout of a bucket. Only what opens engines imports it.

/** A node, and the bucket that it uses. */
export interface S3Node extends S3Storage {
  /** A directory for what it derives and caches, which may be lost at any moment. */
  readonly dataDir: string;
  /** A name that no other node has. */
  readonly node: string;
  /** Threads of this process that take uploads, and share the memory for them; default: one. */
  readonly uploadThreads?: number;
}

const PRIVATE = 0o700;
/** An object store has no limit of its own, and refuses by itself what is over a quota. */
const ROOM: StorageRoom = {
  admitContent: () => undefined,
  relieve: () => undefined,
  keepReserve: () => async () => undefined,
};
const EMPTY = new Uint8Array();

/**
 * One node over a bucket that many nodes use. Below the prefix:
 *
 * - `everlock.json`: the version of this layout
 * - `secrets/`, `leases/`, `nodes/`: what all nodes share, outside of any store
 * - `stores/<store>/`: `store` and `content` mark what exists; `log/` and `packs/` hold the commits and the links, `blobs/`,
 *   `data/` and `uploads/` the content, `notes/` what nodes tell each other
 *
 * Nothing that counts is in the node's data directory.
 */
export class S3Engine implements StorageEngine {
  readonly room = ROOM;
  readonly bucket: S3Bucket;
  readonly #location: S3Node;
  readonly copies = new S3Copies((name) => this.openLog(name));
  readonly #log: Logger;
  readonly #cache: BlobCache | undefined;
  readonly #uploadMemory: PartMemory;
  /** The logs of the stores that were opened, for their commits and links. */
  readonly #logs = new Map<string, Promise<StoreLog>>();

  constructor(location: S3Node, log: Logger, bucket = bucketOf(location)) {
    this.#location = location;
    this.#log = log;
    this.bucket = bucket;
    const { cache, uploadThreads = 1 } = location;
    this.#uploadMemory = new PartMemory({ bytes: uploadBytes(uploadThreads) });
    const failed = (error: unknown) => log.warn(`a blob could not be cached: ${messageOf(error)}`);
    this.#cache =
      cache && new BlobCache({ dir: cache.dir, capacity: cache.bytes, counts: cache.counts, failed });
  }

  /** To be awaited at the start of a node: resolves with the identity of what is in the bucket; see `checkBucket`. */
  async check(): Promise<string> {
    const identity = await checkBucket(this.bucket);
    await this.#cache?.measure();
    return identity;
  }

  /** Like `check`, without a node: for commands that only use what nodes have made. */
  checkUsed(): Promise<string> {
    return checkUsedBucket(this.bucket);
  }

  async list(): Promise<readonly string[]> {
    return Array.fromAsync(this.bucket.listDirectories("stores/"));
  }

  async create(name: string): Promise<void> {
    mkdirSync(this.derivedDirectory(name), { recursive: true, mode: PRIVATE });
    await this.#mark(`stores/${name}/store`);
  }

  async openCommits(name: string, indexed: ObjectId | undefined): Promise<CommitStorage> {
    const log = await this.openLog(name);
    // Serving it would make the first commit of a new history.
    if (log.head === undefined && indexed !== undefined)
      throw new DamagedStoreError(
        name,
        `the object store has no commits of the store '${name}', although this node has seen the commit ${indexed}`,
      );
    const { maxAgeMs, node } = this.#location;
    const leases = await this.openLeases();
    const copies = {
      areDue: () => this.copies.areDue(name, log),
      save: (step: () => void) => this.copies.save(name, log, step, false),
    };
    const merging = new LogMerging({ log, leases, store: name, node, logger: this.#log, copies });
    const closing = async () => {
      // Who opens the store again reads the log from its checkpoint.
      this.#logs.delete(name);
      await merging.stop();
    };
    return {
      objects: new S3Objects(log),
      branch: new OwnedBranch(log, closing),
      maxAgeMs,
      hold: async () => () => undefined,
    };
  }

  async hasContent(name: string): Promise<boolean> {
    return (await this.bucket.head(`stores/${name}/content`)) !== undefined;
  }

  async openContent(name: string, options: ContentOptions): Promise<ContentStorage> {
    const { onDamage, locks, sessions, isOwner } = options;
    const { bucket } = this;
    const { redirectAbove, minGraceSeconds = MIN_GRACE_SECONDS, node } = this.#location;
    const keys = new ContentKeys(name);
    const leases = await this.openLeases();
    if (isOwner) await this.#mark(`stores/${name}/content`);
    const blobs = new S3Blobs({
      bucket,
      store: name,
      onDamage,
      cache: this.#cache,
      redirectAbove,
      minGraceSeconds,
      totals: new BlobTotals({ bucket, keys, store: name, leases, node }),
      placed: new PlacedBlobs(name, this.#location.memory?.placed),
    });
    const memory = this.#uploadMemory;
    return {
      blobs,
      uploads: new S3Uploads({ bucket, store: name, blobs, locks, sessions, memory, ownsBodies: true }),
    };
  }

  async openLinks(name: string, { changed }: LinkOptions): Promise<OwnedLinks> {
    const storeLog = await this.openLog(name);
    const dir = this.derivedDirectory(name);
    const { client } = this.bucket;
    return S3Links.open({
      storeLog,
      dir,
      store: name,
      log: this.#log,
      changed,
      time: () => client.storeTime,
    });
  }

  async readLinks(name: string): Promise<OpenLinkReader> {
    return readLinksIn(this.derivedDirectory(name));
  }

  checkLinks(name: string): Promise<readonly string[]> {
    return checkS3Links(this.derivedDirectory(name));
  }

  contentBytes(name: string): Promise<number> {
    return contentBytesIn(this.bucket, name);
  }

  otherRefs(name: string): Promise<ReadonlyMap<string, ObjectId>> {
    return readStoredRefs(this.bucket, name);
  }

  async openLeases(): Promise<Leases> {
    return new S3Leases(this.bucket, this.#location.node);
  }

  async measureLogs(): Promise<readonly LogMeasures[]> {
    return (await this.#opened()).map(([store, log]) => measuredLog(store, log));
  }

  openNotes(store: string, topic: string): SharedNotes {
    return new S3Notes(this.bucket, { store, topic, node: this.#location.node });
  }

  async openNodes(): Promise<Nodes> {
    const { node } = this.#location;
    const behindSeconds = async () => secondsBehind((await this.#opened()).map(([, log]) => log));
    return new S3Nodes({ bucket: this.bucket, node, behindSeconds });
  }

  derivedDirectory(name: string): string {
    return `${this.#location.dataDir}/${name}`;
  }

  secret(name: SecretName, generate: () => Promise<Uint8Array<ArrayBuffer>>): Promise<KeptSecret> {
    return sharedSecret(this.bucket, name, generate);
  }

  givenSecret(name: GivenSecretName): Promise<Uint8Array | undefined> {
    return givenSecret(this.bucket, name);
  }

  changeSecret(name: GivenSecretName, change: SecretChange): Promise<void> {
    return changeSecret(this.bucket, name, change);
  }

  /** The log of a store, read to its end. */
  async openLog(name: string): Promise<StoreLog> {
    const known = this.#logs.get(name);
    if (known) {
      const log = await known;
      await log.refresh();
      return log;
    }
    const { node } = this.#location;
    const localDir = `${this.derivedDirectory(name)}/log-cache`;
    const opening = StoreLog.open(this.bucket, name, { node, localDir });
    this.#logs.set(name, opening);
    opening.catch(() => this.#logs.delete(name));
    return opening;
  }

  /** The logs that could be opened, by their stores. */
  async #opened(): Promise<[store: string, log: StoreLog][]> {
    const logs = [...this.#logs].map(async ([store, log]) => [store, await log] as [string, StoreLog]);
    return (await Promise.allSettled(logs)).flatMap((log) => (log.status === "fulfilled" ? [log.value] : []));
  }

  /** Makes an empty object if there is none. */
  async #mark(key: string): Promise<void> {
    if (await this.bucket.head(key)) return;
    try {
      await this.bucket.put(key, EMPTY, { condition: { absent: true } });
    } catch (error) {
      if (!(error instanceof S3UncertainError) || !(await this.bucket.head(key))) throw error;
    }
  }
}

/** The branch as this node's writer has it open. */
class OwnedBranch extends S3Branch {
  readonly #closing: () => Promise<void>;

  constructor(log: StoreLog, closing: () => Promise<void>) {
    super(log);
    this.#closing = closing;
  }

  override async close(): Promise<void> {
    await this.#closing();
    await super.close();
  }
}

/** The bucket that a node, or a copy, uses. */
export function bucketOf(
  { bucket, credentialsFile, ca, memory }: S3Storage,
  options: S3ClientOptions = {},
): S3Bucket {
  const credentials = credentialSource(credentialsFile, { isAws: isAws(bucket) });
  return new S3Bucket(new S3Client(bucket, credentials, { ...options, ca, ...(memory && { memory }) }));
}
