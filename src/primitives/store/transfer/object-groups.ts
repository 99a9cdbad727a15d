import type { ObjectStore } from "../engine/objects.ts";
import { CorruptObjectError, type NamedObject, nameObject } from "../git/object.ts";
import type { ObjectId } from "../git/object-id.ts";

/** Bytes and objects above which a group is complete: a pack of them is worth a lookup, and small enough to be merged again. */
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_OBJECTS = 65_536;

/**
 * All objects of a store in groups, each compared with its name. Rejects with `CorruptObjectError` for one that is damaged.
 * The groups are the same as long as the store is.
 */
export async function* objectGroups(objects: ObjectStore): AsyncGenerator<readonly NamedObject[]> {
  let group = new Map<ObjectId, NamedObject>();
  let bytes = 0;
  for await (const page of objects.list()) {
    for (const id of page) {
      if (group.has(id)) continue;
      const object = await soundObject(objects, id);
      group.set(id, object);
      bytes += object.body.length;
      if (bytes < MAX_BYTES && group.size < MAX_OBJECTS) continue;
      yield [...group.values()];
      group = new Map();
      bytes = 0;
    }
  }
  if (group.size > 0) yield [...group.values()];
}

async function soundObject(objects: ObjectStore, id: ObjectId): Promise<NamedObject> {
  const found = await objects.get(id);
  if (!found) throw new CorruptObjectError(`object ${id}`, "it is listed, but missing");
  const named = nameObject(found.type, found.body);
  if (named.id !== id) throw new CorruptObjectError(`object ${id}`, "its content does not match its name");
  return named;
}
