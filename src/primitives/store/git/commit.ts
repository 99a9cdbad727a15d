import { CorruptObjectError } from "./object.ts";
import { type ObjectId, parseObjectId } from "./object-id.ts";

export interface Identity {
  readonly name: string;
  readonly email: string;
}

/** An identity with a time; `seconds` is since the epoch and always written as UTC. */
export interface Signature extends Identity {
  readonly seconds: number;
}

export interface Commit {
  readonly tree: ObjectId;
  readonly parents: readonly ObjectId[];
  readonly author: Signature;
  readonly committer: Signature;
  readonly message: string;
}

/** Removes angle brackets and line ends, which would end the field early; `git fsck` rejects such a commit. */
function encodeSignature({ name, email, seconds }: Signature): string {
  const clean = (text: string) => text.replaceAll(/[<>\u0000-\u001f]/g, "");
  return `${clean(name)} <${clean(email)}> ${seconds} +0000`;
}

export function encodeCommit(commit: Commit): Uint8Array {
  const head = [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${encodeSignature(commit.author)}`,
    `committer ${encodeSignature(commit.committer)}`,
  ];
  return Buffer.from(`${head.join("\n")}\n\n${commit.message.replaceAll("\0", "").trimEnd()}\n`);
}

export function parseCommit(body: Uint8Array): Commit {
  const text = new TextDecoder().decode(body);
  const blank = text.indexOf("\n\n");
  const head = text.slice(0, blank < 0 ? undefined : blank).split("\n");
  const values = (key: string) =>
    head.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  return {
    tree: commitObjectId(values("tree")[0]),
    parents: values("parent").map(commitObjectId),
    author: parseSignature(values("author")[0]),
    committer: parseSignature(values("committer")[0]),
    message: blank < 0 ? "" : text.slice(blank + 2),
  };
}

function commitObjectId(text: string | undefined): ObjectId {
  const id = parseObjectId(text ?? "");
  if (!id) throw new CorruptObjectError("a commit", `'${text}' is not an object id`);
  return id;
}

function parseSignature(text: string | undefined): Signature {
  const [, name, email, seconds] = text?.match(/^(.*?) ?<([^<>]*)> (\d+) [+-]\d{4}$/) ?? [];
  if (name === undefined || email === undefined || seconds === undefined) {
    throw new CorruptObjectError("a commit", `'${text}' is not a signature`);
  }
  return { name, email, seconds: Number(seconds) };
}
