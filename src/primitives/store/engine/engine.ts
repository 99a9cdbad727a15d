import type { Digest } from "../../digest.ts";
import type { Release } from "../../release.ts";
import type { ObjectId } from "../git/object-id.ts";
import type { BlobStore } from "./blobs.ts";
import type { Branch } from "./branch.ts";
import type { DerivedCopies } from "./derived-copies.ts";
import type { Leases } from "./leases.ts";
import type { LinkOptions, OpenLinkReader, OwnedLinks } from "./links.ts";
import type { LogMeasures } from "./measures.ts";
import type { Nodes } from "./nodes.ts";
import type { ObjectStore } from "./objects.ts";
import type { Secrets } from "./secrets.ts";
import type { SharedNotes } from "./shared-notes.ts";
import type { SessionCounter, UploadLocks, UploadStore } from "./uploads.ts";

// What may live in this folder: the interfaces between stores and whatever keeps their bytes, and value types. They import
// only formats (git/) and values. Each engine has a folder of its own below, which nothing imports but what opens engines.

/** Room for what is to be stored. A storage without a limit of its own always has room. */
export interface StorageRoom {
  /** Throws `NoRoomError` if what comes, so many bytes if that is known, would use up what is left. */
  admitContent(bytes?: number): void;
  /** Called before something that must work when the storage is full as well, such as deleting. */
  relieve(): void;
  /** Keeps some room in reserve for that, until the returned function is called. */
  keepReserve(): () => Promise<void>;
}

/** The versioned files of a store. */
export interface CommitStorage {
  readonly objects: ObjectStore;
  readonly branch: Branch;
  /** How old (ms) what clients read may be where other nodes move the branch; without it, nothing is. */
  readonly maxAgeMs?: number;
  /** Keeps all that was published so far where a backup finds it, until the returned function is called. */
  hold(): Promise<Release>;
}

/** What a store keeps beside its commits. */
export interface ContentStorage {
  readonly blobs: BlobStore;
  readonly uploads: UploadStore;
}

export interface ContentOptions {
  /** Called with blobs that were set aside because their bytes are not what their digest says. */
  readonly onDamage: (digest: Digest) => void;
  readonly locks: UploadLocks;
  readonly sessions: SessionCounter;
  /** Whether this is the thread that owns the store, which mends what a crash has left before anything is read. */
  readonly isOwner: boolean;
}

/** What keeps the bytes of stores. Several threads may each have one over the same storage. */
export interface StorageEngine extends Secrets {
  readonly room: StorageRoom;
  /** The names of the stores that exist, whole or damaged. */
  list(): Promise<readonly string[]>;
  /** Makes the store if it does not exist. Throws `DamagedStoreError` where only parts of it are left. */
  create(name: string): Promise<void>;
  /**
   * Opens the commits of a store for the one writer of this node. `indexed` is the commit that an index was made of, which
   * tells a branch that was lost from one that never was. Throws `DamagedStoreError` where serving it could lose what it
   * still holds.
   */
  openCommits(name: string, indexed: ObjectId | undefined): Promise<CommitStorage>;
  /** Whether the store has ever held blobs. */
  hasContent(name: string): Promise<boolean>;
  openContent(name: string, options: ContentOptions): Promise<ContentStorage>;
  /** Opens the links of a store for the thread that owns it. Damaged ones are replaced, see `OwnedLinks.repair`, and reported. */
  openLinks(name: string, options: LinkOptions): Promise<OwnedLinks>;
  /** Opens the links for another thread, once the owner has opened them. Damage is found only when they are read. */
  readLinks(name: string): Promise<OpenLinkReader>;
  /** What is wrong with the links, a line each, while no server has them open. Nothing is changed. */
  checkLinks(name: string): Promise<readonly string[]>;
  /** About how many bytes the blobs of a store have. */
  contentBytes(name: string): Promise<number>;
  /** The refs of a store's repository beside its branch, such as those that an operator has made with git. */
  otherRefs(name: string): Promise<ReadonlyMap<string, ObjectId>>;
  /** Opens the leases of the whole storage, which belong to no store. */
  openLeases(): Promise<Leases>;
  /** Opens what tells of the processes that use the storage. */
  openNodes(): Promise<Nodes>;
  /** Measures the logs of the stores that are open, where nodes share them. */
  measureLogs?(): Promise<readonly LogMeasures[]>;
  /** Opens what the nodes of a store note about it, by topic; not there where there is only one node. */
  openNotes?(name: string, topic: string): SharedNotes;
  /** `undefined` where what a node derives stays with it. */
  readonly copies?: DerivedCopies;
  /** The directory of this machine in which the node keeps the databases that it derives from a store. */
  derivedDirectory(name: string): string;
}
