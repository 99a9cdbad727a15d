import { LruCache } from "../../bounds/lru-cache.ts";
import type { ObjectStore } from "../engine/objects.ts";
import { type Commit, parseCommit } from "../git/commit.ts";
import { CorruptObjectError, type NamedObject, nameObject, type ObjectType } from "../git/object.ts";
import type { ObjectId } from "../git/object-id.ts";
import { Tree } from "../git/tree.ts";

/** Size of the cache of trees, and the approximate overhead of one tree (bytes). */
const TREE_CACHE_BYTES = 48 * 1024 * 1024;
const TREE_OVERHEAD_BYTES = 500;
/** Size of the tree cache of a walk through all commits; consecutive commits share most trees. */
const WALK_CACHE_BYTES = 32 * 1024 * 1024;

/** Reads objects of an expected type and verifies their hashes. */
export class ObjectReader {
  readonly #objects: ObjectStore;
  /** Objects of commits that are not stored yet, by group. */
  readonly #staged: Set<ReadonlyMap<ObjectId, NamedObject>>;
  readonly #trees: LruCache<ObjectId, Tree>;

  constructor(
    objects: ObjectStore,
    staged = new Set<ReadonlyMap<ObjectId, NamedObject>>(),
    cacheBytes = TREE_CACHE_BYTES,
  ) {
    this.#objects = objects;
    this.#staged = staged;
    this.#trees = new LruCache(cacheBytes);
  }

  /** Returns a reader with its own cache, so that a walk does not evict the trees that requests use. */
  forWalk(): ObjectReader {
    return new ObjectReader(this.#objects, this.#staged, WALK_CACHE_BYTES);
  }

  /** Returns a cached tree without a promise. */
  readonly tree = (id: ObjectId): Tree | Promise<Tree> => this.#trees.get(id) ?? this.#readTree(id);

  async #readTree(id: ObjectId): Promise<Tree> {
    const tree = Tree.parse(await this.#read(id, "tree"));
    this.#remember(id, tree);
    return tree;
  }

  /** Caches a new tree, and drops the one it replaces, which few requests will read again. */
  readonly replaceTree = (before: ObjectId | undefined, after: ObjectId, tree: Tree): void => {
    if (before) this.#trees.delete(before);
    this.#remember(after, tree);
  };

  #remember(id: ObjectId, tree: Tree): void {
    this.#trees.set(id, tree, tree.body.length + TREE_OVERHEAD_BYTES);
  }

  /** Makes the objects of a map readable before they are stored, including those added to it later. */
  stage(objects: ReadonlyMap<ObjectId, NamedObject>): void {
    this.#staged.add(objects);
  }

  unstage(objects: ReadonlyMap<ObjectId, NamedObject>): void {
    this.#staged.delete(objects);
  }

  async has(id: ObjectId): Promise<boolean> {
    return this.#findStaged(id) !== undefined || (await this.#objects.has(id));
  }

  blob(id: ObjectId): Promise<Uint8Array> {
    return this.#read(id, "blob");
  }

  async commit(id: ObjectId): Promise<Commit> {
    return parseCommit(await this.commitBody(id));
  }

  /** A commit as it is stored. */
  commitBody(id: ObjectId): Promise<Uint8Array> {
    return this.#read(id, "commit");
  }

  /** Resolves with `undefined` if the store lacks the commit. Rejects if it is damaged or can't be read. */
  async storedCommit(id: ObjectId): Promise<Commit | undefined> {
    return (await this.has(id)) ? this.commit(id) : undefined;
  }

  async #read(id: ObjectId, type: ObjectType): Promise<Uint8Array> {
    const object = this.#findStaged(id) ?? (await this.#objects.get(id));
    if (!object) throw new CorruptObjectError(`the store`, `${type} ${id} is missing`);
    if (object.type !== type)
      throw new CorruptObjectError(`object ${id}`, `it is a ${object.type}, not a ${type}`);
    if (nameObject(type, object.body).id !== id) {
      throw new CorruptObjectError(`${type} ${id}`, "its content does not match its name");
    }
    return object.body;
  }

  #findStaged(id: ObjectId): NamedObject | undefined {
    for (const objects of this.#staged) {
      const object = objects.get(id);
      if (object) return object;
    }
    return undefined;
  }
}
