import { statSync } from "node:fs";
import { SourceFault } from "./import-source.ts";
import { fileBytes, smallFile } from "./read-files.ts";
import type { TarEntry } from "./tar-index.ts";

/** Files by path, in a directory or in an archive. */
export interface LayoutFiles {
  /** `made` in seconds since the epoch. */
  stat(path: string): { readonly size: number; readonly made: number } | undefined;
  /** A file of at most `limit` bytes; `undefined` if it does not exist. */
  read(path: string, limit?: number): Promise<Uint8Array | SourceFault | undefined>;
  /** A part of a file that exists. */
  stream(path: string, first: number, end: number): AsyncIterable<Uint8Array>;
}

export function filesOfDirectory(root: string): LayoutFiles {
  return {
    stat(path) {
      const stat = statSync(`${root}/${path}`, { throwIfNoEntry: false });
      return stat?.isFile() ? { size: stat.size, made: Math.floor(stat.mtimeMs / 1000) } : undefined;
    },
    read: (path, limit) => smallFile(`${root}/${path}`, limit),
    stream: (path, first, end) => fileBytes(`${root}/${path}`, first, end),
  };
}

export function filesOfArchive(archive: string, entries: ReadonlyMap<string, TarEntry>): LayoutFiles {
  const stream = (path: string, first: number, end: number) => {
    const offset = entries.get(path)?.offset ?? 0;
    return fileBytes(archive, offset + first, offset + end);
  };
  return {
    stat: (path) => entries.get(path),
    async read(path, limit = Number.POSITIVE_INFINITY) {
      const entry = entries.get(path);
      if (!entry) return undefined;
      if (entry.size > limit)
        return new SourceFault(`${path} has ${entry.size} bytes, and ${limit} are allowed`);
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream(path, 0, entry.size)) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
    stream,
  };
}
