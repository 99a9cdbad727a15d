/** An entry of a layer; the parents of its path are entries too. */
export interface TarEntry {
  /** Without a slash at its beginning; a directory has one at its end. */
  readonly path: string;
  readonly mode: number;
  /** User and group. */
  readonly owner: number;
  /** A file's bytes, or where a symbolic link leads. Without either it is a directory. */
  readonly content?: Uint8Array;
  readonly link?: string;
}

const BLOCK = 512;
/** Of a path in a header of POSIX ustar, without its prefix field. */
const MAX_PATH = 100;

/** A tar archive (POSIX ustar). The same entries and time, in seconds since the epoch, give the same bytes. */
export function tarOf(entries: readonly TarEntry[], time: number): Uint8Array<ArrayBuffer> {
  const sorted = entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const blocks = sorted.flatMap((entry) => {
    const { content = new Uint8Array() } = entry;
    return [headerOf(entry, time), content, Buffer.alloc(padding(content.length))];
  });
  return new Uint8Array(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]));
}

function padding(length: number): number {
  return (BLOCK - (length % BLOCK)) % BLOCK;
}

function headerOf({ path, mode, owner, content, link }: TarEntry, time: number): Buffer {
  if (Buffer.byteLength(path) > MAX_PATH || Buffer.byteLength(link ?? "") > MAX_PATH)
    throw new Error(`the path ${path} is too long for a tar header`);
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, offset: number, width: number) =>
    header.write(`${value.toString(8).padStart(width - 1, "0")}\0`, offset, "latin1");
  header.write(path, 0);
  octal(mode, 100, 8);
  octal(owner, 108, 8);
  octal(owner, 116, 8);
  octal(content?.length ?? 0, 124, 12);
  octal(time, 136, 12);
  header.write(link !== undefined ? "2" : content ? "0" : "5", 156);
  header.write(link ?? "", 157);
  header.write("ustar\0" + "00", 257, "latin1");
  header.write("        ", 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}
