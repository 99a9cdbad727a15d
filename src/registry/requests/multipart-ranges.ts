import type { StoredBlob } from "../model/storage.ts";
import type { ByteRange, ByteRanges } from "./byte-range.ts";

/** Bytes read from a file at once, and as many given to the connection at once. */
const PIECE_BYTES = 64 * 1024;

/** A body of type multipart/byteranges (RFC 9110, section 14.6). */
export class MultipartRanges {
  readonly contentType: string;
  /** In bytes. */
  readonly length: number;
  readonly #ranges: ByteRanges;
  readonly #size: number;
  readonly #partType: string;
  readonly #boundary: string;
  readonly #end: string;

  /** `size` is that of the whole, and `partType` its media type. */
  constructor(ranges: ByteRanges, size: number, partType: string) {
    this.#ranges = ranges;
    this.#size = size;
    this.#partType = partType;
    // Random, so that it can't be in the content.
    this.#boundary = Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString("hex");
    this.contentType = `multipart/byteranges; boundary=${this.#boundary}`;
    this.#end = `\r\n--${this.#boundary}--\r\n`;
    this.length = ranges.reduce(
      (sum, range) => sum + this.#head(range).length + range.last - range.first + 1,
      this.#end.length,
    );
  }

  /** The lines before the bytes of a part, in ASCII. Made when needed: those of 1,000 parts are larger than a piece. */
  #head(range: ByteRange): string {
    return [
      `${range === this.#ranges[0] ? "" : "\r\n"}--${this.#boundary}`,
      `Content-Type: ${this.#partType}`,
      `Content-Range: bytes ${range.first}-${range.last}/${this.#size}`,
      "\r\n",
    ].join("\r\n");
  }

  /**
   * The body in pieces, each read from `content` when it is asked for. All are views of one buffer: a piece is valid until
   * the next one is asked for. So a client that reads nothing costs one piece, however much its connection has buffered.
   */
  async *pieces(content: StoredBlob["content"]): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const piece = new Uint8Array(PIECE_BYTES);
    let filled = 0;
    for await (const bytes of this.#unevenPieces(content)) {
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(at + PIECE_BYTES - filled, bytes.length);
        piece.set(bytes.subarray(at, end), filled);
        filled += end - at;
        at = end;
        if (filled < PIECE_BYTES) continue;
        yield piece;
        filled = 0;
      }
    }
    if (filled > 0) yield piece.subarray(0, filled);
  }

  async *#unevenPieces(content: StoredBlob["content"]): AsyncGenerator<Uint8Array> {
    for (const range of this.#ranges) {
      yield Buffer.from(this.#head(range));
      yield* read(content, range);
    }
    yield Buffer.from(this.#end);
  }
}

async function* read(content: StoredBlob["content"], { first, last }: ByteRange): AsyncGenerator<Uint8Array> {
  if (content instanceof Uint8Array) yield content.subarray(first, last + 1);
  else if (typeof content === "function") yield* content({ first, last });
  else {
    for (let at = first; at <= last; at += PIECE_BYTES) {
      const end = Math.min(at + PIECE_BYTES, last + 1);
      const piece = await content.slice(at, end).bytes();
      if (piece.length !== end - at) throw new Error("the blob's file was cut short while it was sent");
      yield piece;
      // Frees the memory now. The garbage collector frees it late, and many clients at once would use gigabytes.
      piece.buffer.transfer(0);
    }
  }
}
