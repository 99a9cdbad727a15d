import { ExpectedError } from "../../expected-error.ts";
import type { ObjectId } from "./object-id.ts";

export type ObjectType = "commit" | "tree" | "blob" | "tag";

export interface GitObject {
  readonly type: ObjectType;
  readonly body: Uint8Array;
}

/** An object with its id, the SHA-256 of its header and body. */
export interface NamedObject extends GitObject {
  readonly id: ObjectId;
}

/** Reset after each digest. Creating a hasher would cost more than hashing a small object. */
const hasher = new Bun.CryptoHasher("sha256");

export function nameObject(type: ObjectType, body: Uint8Array): NamedObject {
  const id = hasher.update(`${type} ${body.length}\0`).update(body).digest("hex");
  return { id: id as ObjectId, type, body };
}

/** A stored object is damaged or does not match its id. */
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
