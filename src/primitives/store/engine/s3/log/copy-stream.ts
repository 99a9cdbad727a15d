import { open } from "node:fs/promises";
import { messageOf } from "../../../../expected-error.ts";
import { CorruptObjectError } from "../../../git/object.ts";

/** Bytes of a file that are compressed at once. */
const BLOCK_BYTES = 4 * 1024 * 1024;
const LENGTH_BYTES = 4;
const SUM_BYTES = 32;
/** Longer blocks are none of ours. */
const MAX_BLOCK_BYTES = 2 * BLOCK_BYTES;
const LEVEL = 3;

/**
 * A file as blocks, each with its length (32 bits) and its Zstandard frame; then the length 0 and the SHA-256 of the file.
 * `step` is called between blocks.
 */
export async function* compressFile(path: string, step: () => void): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const hasher = new Bun.CryptoHasher("sha256");
  const file = Bun.file(path);
  for (let at = 0; at < file.size; at += BLOCK_BYTES) {
    step();
    const block = new Uint8Array(await file.slice(at, at + BLOCK_BYTES).arrayBuffer());
    hasher.update(block);
    const frame = await Bun.zstdCompress(block, { level: LEVEL });
    yield lengthOf(frame.length);
    yield new Uint8Array(frame);
  }
  yield lengthOf(0);
  yield new Uint8Array(hasher.digest());
}

/** Writes the file that `compressFile` was given. Throws `CorruptObjectError` if the stream is none, or breaks off. */
export async function expandFile(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  path: string,
  subject: string,
): Promise<void> {
  const hasher = new Bun.CryptoHasher("sha256");
  const bytes = new Exactly(stream, subject);
  const handle = await open(path, "wx", 0o600);
  try {
    for (;;) {
      const length = (await bytes.take(LENGTH_BYTES)).readUInt32BE();
      if (length === 0) break;
      if (length > MAX_BLOCK_BYTES) throw new CorruptObjectError(subject, "it has a block that is too long");
      const block = await inflate(await bytes.take(length), subject);
      hasher.update(block);
      await handle.write(block);
    }
    if (Buffer.compare(hasher.digest(), await bytes.take(SUM_BYTES)) !== 0)
      throw new CorruptObjectError(subject, "its content does not match the checksum at its end");
  } finally {
    await handle.close();
    await bytes.cancel();
  }
}

async function inflate(frame: Uint8Array<ArrayBuffer>, subject: string): Promise<Uint8Array> {
  try {
    return await Bun.zstdDecompress(frame);
  } catch (cause) {
    throw new CorruptObjectError(subject, `a block does not inflate (${messageOf(cause)})`);
  }
}

function lengthOf(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(LENGTH_BYTES);
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
}

/** Reads a stream in pieces of given lengths. */
class Exactly {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #subject: string;
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #length = 0;

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>, subject: string) {
    this.#reader = stream.getReader() as ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
    this.#subject = subject;
  }

  async take(length: number): Promise<Buffer<ArrayBuffer>> {
    while (this.#length < length) {
      const { done, value } = await this.#reader.read();
      if (done) throw new CorruptObjectError(this.#subject, "it breaks off");
      this.#chunks.push(value);
      this.#length += value.length;
    }
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [new Uint8Array(all.subarray(length))];
    this.#length -= length;
    return all.subarray(0, length);
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => undefined);
  }
}
