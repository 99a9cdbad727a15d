import { type Dirent, readdirSync, statSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { messageOf } from "../../../../primitives/expected-error.ts";
import { isMissingFile } from "../../../../primitives/fs/files.ts";
import { MAX_MANIFEST_BYTES } from "../../../../registry/model/manifest.ts";
import { SourceFault } from "./import-source.ts";

const CHUNK_BYTES = 1 << 20;

/** The directories in a directory, sorted; none if it does not exist. */
export function directoriesIn(path: string): string[] {
  return entriesIn(path).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

function entriesIn(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (isMissingFile(error)) return [];
    throw error;
  }
}

/** Calls `read`; what the system refuses becomes a fault, so that the rest of the source is still read. */
export async function readable<T>(read: () => T | Promise<T>): Promise<T | SourceFault> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Error && "syscall" in error)
      return new SourceFault(`it can't be read: ${messageOf(error)}`);
    throw error;
  }
}

/** A small file, by default a manifest; `undefined` if it does not exist. */
export async function smallFile(
  path: string,
  limit = MAX_MANIFEST_BYTES,
): Promise<Uint8Array | SourceFault | undefined> {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return new SourceFault(`${path} is no regular file`);
    const { size } = stat;
    if (size > limit) return new SourceFault(`${path} has ${size} bytes, and ${limit} are allowed`);
    return await readFile(path);
  } catch (error) {
    return isMissingFile(error) ? undefined : new SourceFault(`${path} can't be read: ${messageOf(error)}`);
  }
}

/** A part of a file. Throws what the system says. */
export async function* fileBytes(path: string, first: number, end: number): AsyncGenerator<Uint8Array> {
  const handle = await open(path, "r");
  try {
    for (let at = first; at < end; ) {
      // Each chunk has a buffer of its own: who reads it may keep it.
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
