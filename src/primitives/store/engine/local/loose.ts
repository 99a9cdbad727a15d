import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { isMissingFile } from "../../../fs/files.ts";
import { CorruptObjectError, type GitObject, isObjectType } from "../../git/object.ts";
import type { ObjectId } from "../../git/object-id.ts";

/** Reads `objects/ab/cdef…` as stock git writes it; we ourselves write packs only. */
export function readLooseObject(objectsDir: string, id: ObjectId): GitObject | undefined {
  const path = `${objectsDir}/${id.slice(0, 2)}/${id.slice(2)}`;
  let packed: Buffer;
  try {
    packed = readFileSync(path);
  } catch (error) {
    if (isMissingFile(error)) return undefined;
    throw error;
  }
  let bytes: Uint8Array;
  try {
    bytes = inflateSync(packed);
  } catch (cause) {
    throw new CorruptObjectError(path, `it does not inflate (${cause})`);
  }
  const nul = bytes.indexOf(0);
  const [type = "", size] = new TextDecoder().decode(bytes.subarray(0, Math.max(nul, 0))).split(" ");
  const body = bytes.subarray(nul + 1);
  if (!isObjectType(type) || Number(size) !== body.length)
    throw new CorruptObjectError(path, "its header is wrong");
  if (new Bun.CryptoHasher("sha256").update(bytes).digest("hex") !== id) {
    throw new CorruptObjectError(path, "its content does not match its name");
  }
  return { type, body };
}
