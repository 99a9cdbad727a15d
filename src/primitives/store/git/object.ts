import { ExpectedError } from "../../expected-error.ts";
import type { ObjectId } from "./object-id.ts";

export type ObjectType = "commit" | "tree" | "blob" | "tag";

export interface GitObject {
  readonly type: ObjectType;
  readonly body: Uint8Array;
}

/** An object together with its name, which is the SHA-256 of its header and body. */
export interface NamedObject extends GitObject {
  readonly id: ObjectId;
}

/** Is reset after each digest; one for each object would cost more than hashing a small one. */
const hasher = new Bun.CryptoHasher("sha256");

export function nameObject(type: ObjectType, body: Uint8Array): NamedObject {
  const id = hasher.update(`${type} ${body.length}\0`).update(body).digest("hex");
  return { id: id as ObjectId, type, body };
}

/** The stored object is not what its name promises: a damaged disk, never a caller's mistake. */
export class CorruptObjectError extends ExpectedError {
  override readonly name = "CorruptObjectError";
  override readonly kind = "damaged";
  constructor(subject: string, reason: string) {
    super(`${subject} is damaged: ${reason}`);
  }
}

export function isObjectType(text: string): text is ObjectType {
  return text === "commit" || text === "tree" || text === "blob" || text === "tag";
}
