import type {
  CommitStorage,
  ContentOptions,
  ContentStorage,
  StorageEngine,
  StorageRoom,
} from "../../../src/primitives/store/engine/engine.ts";
import type { Leases } from "../../../src/primitives/store/engine/leases.ts";
import type { LinkOptions, OpenLinkReader, OwnedLinks } from "../../../src/primitives/store/engine/links.ts";
import { OneNode } from "../../../src/primitives/store/engine/local/one-node.ts";
import type { Nodes } from "../../../src/primitives/store/engine/nodes.ts";
import type {
  GivenSecretName,
  KeptSecret,
  SecretChange,
  SecretName,
} from "../../../src/primitives/store/engine/secrets.ts";
import type { ObjectId } from "../../../src/primitives/store/git/object-id.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { type KeptBlobs, MemoryBlobs } from "./memory-blobs.ts";
import { MemoryLeases } from "./memory-leases.ts";
import { type KeptLinks, MemoryLinks } from "./memory-links.ts";
import { MemoryStore } from "./memory-store.ts";
import { MemoryUploads, type Sessions } from "./memory-uploads.ts";

interface KeptStore {
  readonly commits: MemoryStore;
  readonly blobs: KeptBlobs;
  readonly links: KeptLinks;
  readonly sessions: Sessions;
  hasContent: boolean;
}

/** What outlives a node: the stores by name. */
export type MemoryStorage = Map<string, KeptStore>;

/** Beside the stores. */
const SECRETS = new WeakMap<MemoryStorage, Map<SecretName, Uint8Array>>();

/** One node over stores in memory; several may be open at once. */
export class MemoryEngine implements StorageEngine {
  readonly room: StorageRoom = {
    admitContent: () => undefined,
    relieve: () => undefined,
    keepReserve: () => async () => undefined,
  };
  readonly #stores: MemoryStorage;
  readonly #leases: Leases;
  readonly #derived = temporaryDirectory();

  /** `leases`: this node's view of the leases. Without it the node is the only one. */
  constructor(stores: MemoryStorage, leases: Leases = new MemoryLeases()) {
    this.#stores = stores;
    this.#leases = leases;
  }

  async list(): Promise<readonly string[]> {
    return [...this.#stores.keys()];
  }

  async create(name: string): Promise<void> {
    if (this.#stores.has(name)) return;
    const commits = new MemoryStore();
    this.#stores.set(name, {
      commits,
      blobs: new Map(),
      links: new Map(),
      sessions: new Map(),
      hasContent: false,
    });
  }

  async openCommits(name: string): Promise<CommitStorage> {
    const { commits } = this.#store(name);
    return { objects: commits.objects, branch: commits.openBranch(), hold: async () => () => undefined };
  }

  async hasContent(name: string): Promise<boolean> {
    return this.#store(name).hasContent;
  }

  async openContent(name: string, { onDamage, locks, sessions }: ContentOptions): Promise<ContentStorage> {
    const store = this.#store(name);
    store.hasContent = true;
    const blobs = new MemoryBlobs(store.blobs, onDamage);
    return { blobs, uploads: new MemoryUploads(store.sessions, blobs, locks, sessions) };
  }

  async openLinks(name: string, { changed }: LinkOptions): Promise<OwnedLinks> {
    return new MemoryLinks(this.#store(name).links, changed);
  }

  async readLinks(name: string): Promise<OpenLinkReader> {
    const links = new MemoryLinks(this.#store(name).links, () => undefined);
    return {
      has: links.has.bind(links),
      hasAny: links.hasAny.bind(links),
      scopesOf: links.scopesOf.bind(links),
      close: () => undefined,
    };
  }

  async checkLinks(): Promise<readonly string[]> {
    return [];
  }

  async contentBytes(name: string): Promise<number> {
    return [...this.#store(name).blobs.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  async otherRefs(): Promise<ReadonlyMap<string, ObjectId>> {
    return new Map();
  }

  async openLeases(): Promise<Leases> {
    return this.#leases;
  }

  async openNodes(): Promise<Nodes> {
    return new OneNode("memory");
  }

  async secret(name: SecretName, generate: () => Promise<Uint8Array>): Promise<KeptSecret> {
    const kept = SECRETS.get(this.#stores) ?? new Map<SecretName, Uint8Array>();
    SECRETS.set(this.#stores, kept);
    const bytes = kept.get(name) ?? (await generate());
    kept.set(name, bytes);
    return { bytes, place: `memory:${name}` };
  }

  async givenSecret(name: GivenSecretName): Promise<Uint8Array | undefined> {
    return SECRETS.get(this.#stores)?.get(name);
  }

  async changeSecret(name: GivenSecretName, change: SecretChange): Promise<void> {
    const kept = SECRETS.get(this.#stores) ?? new Map<SecretName, Uint8Array>();
    SECRETS.set(this.#stores, kept);
    const changed = change(kept.get(name));
    if (changed) kept.set(name, changed);
  }

  derivedDirectory(): string {
    return this.#derived;
  }

  #store(name: string): KeptStore {
    const store = this.#stores.get(name);
    if (!store) throw new Error(`there is no store '${name}'`);
    return store;
  }
}
