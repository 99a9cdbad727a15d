import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { hostname } from "node:os";
import { Semaphore } from "../../../bounds/semaphore.ts";
import { syncDirectory } from "../../../fs/durable.ts";
import { givenSecret, keptSecret, replaceSecret } from "../../../fs/kept-secret.ts";
import { storageTroubleOf } from "../../../fs/storage-trouble.ts";
import type { Logger } from "../../../logging/logger.ts";
import { DamagedStoreError } from "../../commits/damaged-store.ts";
import { CorruptObjectError } from "../../git/object.ts";
import type { ObjectId } from "../../git/object-id.ts";
import type { CommitStorage, ContentOptions, ContentStorage, StorageEngine } from "../engine.ts";
import type { Leases } from "../leases.ts";
import type { LinkOptions, OpenLinkReader, OwnedLinks } from "../links.ts";
import type { Nodes } from "../nodes.ts";
import type { GivenSecretName, KeptSecret, SecretChange, SecretName } from "../secrets.ts";
import { readLinksIn } from "../sqlite-links/links-reader.ts";
import { DiskRoom } from "./disk-room.ts";
import { removeFetchLeftovers } from "./fetch-leftovers.ts";
import { LocalBlobs } from "./local-blobs.ts";
import { LocalBranch } from "./local-branch.ts";
import { LocalLeases } from "./local-leases.ts";
import { checkLocalLinks, LocalLinks } from "./local-links.ts";
import { LocalObjects } from "./local-objects.ts";
import { LocalRefs } from "./local-refs.ts";
import { LocalUploads } from "./local-uploads.ts";
import { hasLostRepository, traceOfLostBranch } from "./lost-branch.ts";
import { OneNode } from "./one-node.ts";
import { otherRefsIn } from "./other-refs.ts";
import { ensureRepository } from "./repository.ts";

// What may live in this folder: all that knows of paths, files, packs and the journal. It imports the interfaces above it
// and pure parts of the store; only what opens engines, and the commands that copy a data directory, import it.

const MAX_WAITING_CHANGES = 100;

/** Stores as directories below a data directory of this machine, which one process uses at a time. */
export class LocalEngine implements StorageEngine {
  readonly room: DiskRoom;
  readonly #dataDir: string;
  readonly #log: Logger;
  readonly #secretChanges = new Semaphore(1, MAX_WAITING_CHANGES);

  constructor(dataDir: string, log: Logger) {
    this.#dataDir = dataDir;
    this.#log = log;
    this.room = new DiskRoom(dataDir, log.warn);
  }

  async list(): Promise<readonly string[]> {
    return storesIn(this.#dataDir);
  }

  async create(name: string): Promise<void> {
    // Opening a store writes a little, and on a full disk as well.
    this.room.relieve();
    const dir = this.#directory(name);
    if (!existsSync(dir)) {
      mkdirSync(dir, { mode: 0o700 });
      await syncDirectory(this.#dataDir);
    }
    if (hasLostRepository(dir)) {
      const reason = `${dir} has blobs, but neither HEAD nor a branch; restore it from a backup`;
      throw new DamagedStoreError(name, reason);
    }
    await namingStore(name, () => ensureRepository(dir));
  }

  openCommits(name: string, indexed: ObjectId | undefined): Promise<CommitStorage> {
    return namingStore(name, () => this.#openCommits(name, indexed));
  }

  async #openCommits(name: string, indexed: ObjectId | undefined): Promise<CommitStorage> {
    const dir = this.#directory(name);
    const objects = new LocalObjects(
      `${dir}/objects`,
      (error) => this.#log.error(`packs of the store '${name}' could not be merged`, error),
      () => this.room.hasRoom(),
    );
    // What can't be opened keeps no files open: it may be tried again and again.
    await using undo = new AsyncDisposableStack();
    undo.defer(() => objects.close());
    const branch = await LocalBranch.open({
      dir,
      objects,
      refs: new LocalRefs(dir),
      report: (message) => this.#log.warn(`the store '${name}': ${message}`),
      flushFailed: (error) => {
        // For the next try.
        if (storageTroubleOf(error) === "no-room") this.room.relieve();
        this.#log.error(
          `new commits of the store '${name}' are durable, but stock git does not see them yet; the server tries again`,
          error,
        );
      },
    });
    undo.defer(() => branch.close());
    const trace = (await branch.read()) === undefined && traceOfLostBranch(dir, indexed);
    if (trace) throw new DamagedStoreError(name, trace);
    undo.move();
    const hold = async () => {
      const release = objects.hold();
      try {
        await branch.flushed();
        return release;
      } catch (error) {
        release();
        throw error;
      }
    };
    return { objects, branch, hold };
  }

  async hasContent(name: string): Promise<boolean> {
    return existsSync(`${this.#directory(name)}/blobs`);
  }

  async openContent(
    name: string,
    { onDamage, locks, sessions, isOwner }: ContentOptions,
  ): Promise<ContentStorage> {
    const dir = this.#directory(name);
    const blobs = await LocalBlobs.open(`${dir}/blobs`, onDamage);
    if (isOwner) blobs.recover();
    const admit = () => this.room.admitContent();
    const uploads = new LocalUploads(`${dir}/uploads`, blobs, locks, admit, sessions);
    if (isOwner) removeFetchLeftovers(`${dir}/uploads`);
    return { blobs, uploads };
  }

  openLinks(name: string, options: LinkOptions): Promise<OwnedLinks> {
    return LocalLinks.open({ dir: this.#directory(name), store: name, log: this.#log, ...options });
  }

  async readLinks(name: string): Promise<OpenLinkReader> {
    return readLinksIn(this.#directory(name));
  }

  checkLinks(name: string): Promise<readonly string[]> {
    return checkLocalLinks(this.#directory(name));
  }

  async contentBytes(name: string): Promise<number> {
    if (!(await this.hasContent(name))) return 0;
    return (await LocalBlobs.open(`${this.#directory(name)}/blobs`, () => undefined)).bytes();
  }

  async otherRefs(name: string): Promise<ReadonlyMap<string, ObjectId>> {
    return otherRefsIn(this.#directory(name));
  }

  async openLeases(): Promise<Leases> {
    return new LocalLeases(`${this.#dataDir}/everlock-leases`);
  }

  async openNodes(): Promise<Nodes> {
    return new OneNode(hostname());
  }

  async secret(name: SecretName, generate: () => Promise<Uint8Array>): Promise<KeptSecret> {
    const place = `${this.#dataDir}/${name}`;
    return { bytes: await keptSecret(place, generate), place };
  }

  async givenSecret(name: GivenSecretName): Promise<Uint8Array | undefined> {
    return givenSecret(`${this.#dataDir}/${name}`);
  }

  changeSecret(name: GivenSecretName, change: SecretChange): Promise<void> {
    return this.#secretChanges.run(async () => {
      const changed = change(await this.givenSecret(name));
      if (changed) await replaceSecret(`${this.#dataDir}/${name}`, changed);
    });
  }

  /** Beside the repository. */
  derivedDirectory(name: string): string {
    return this.#directory(name);
  }

  #directory(name: string): string {
    return `${this.#dataDir}/${name}`;
  }
}

export function storesIn(dataDir: string): string[] {
  return readdirSync(dataDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && isStore(`${dataDir}/${entry.name}`))
    .map(({ name }) => name);
}

/** Whatever of it is lost. */
function isStore(dir: string): boolean {
  return ["HEAD", "objects", "blobs"].some((part) => existsSync(`${dir}/${part}`));
}

/** Throws what is damaged of a store as damage of the store. */
async function namingStore<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CorruptObjectError)) throw error;
    throw new DamagedStoreError(name, error.message, { cause: error });
  }
}
