import type { StoredBlob } from "../model/storage.ts";
import type { ByteRange, ByteRanges } from "./byte-range.ts";

/** Bytes read from a file at once, and about as many given to the connection at once. */
const PIECE_BYTES = 64 * 1024;

/** A part of the body: the lines before its bytes, and the bytes. */
interface Part {
  readonly head: Uint8Array;
  readonly range: ByteRange;
}

/** A body of type multipart/byteranges (RFC 9110, section 14.6). */
export class MultipartRanges {
  readonly contentType: string;
  /** In bytes. */
  readonly length: number;
  readonly #parts: readonly Part[];
  readonly #end: Uint8Array;

  /** `size` is that of the whole, and `contentType` its type. */
  constructor(ranges: ByteRanges, size: number, contentType: string) {
    // Random, so that it can't be in the content.
    const boundary = Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString("hex");
    this.contentType = `multipart/byteranges; boundary=${boundary}`;
    const lines = (...text: string[]) => Buffer.from(text.join("\r\n"));
    this.#parts = ranges.map((range, i) => ({
      head: lines(
        `${i === 0 ? "" : "\r\n"}--${boundary}`,
        `Content-Type: ${contentType}`,
        `Content-Range: bytes ${range.first}-${range.last}/${size}`,
        "\r\n",
      ),
      range,
    }));
    this.#end = lines(`\r\n--${boundary}--`, "");
    this.length = this.#parts.reduce(
      (sum, { head, range }) => sum + head.length + range.last - range.first + 1,
      this.#end.length,
    );
  }

  /** The body in pieces, each read from `content` when it is asked for. */
  async *pieces(content: StoredBlob["content"]): AsyncGenerator<Uint8Array> {
    let gathered: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of this.#unevenPieces(content)) {
      gathered.push(piece);
      bytes += piece.length;
      if (bytes < PIECE_BYTES) continue;
      yield gathered.length > 1 ? Buffer.concat(gathered) : piece;
      gathered = [];
      bytes = 0;
    }
    if (bytes > 0) yield Buffer.concat(gathered);
  }

  async *#unevenPieces(content: StoredBlob["content"]): AsyncGenerator<Uint8Array> {
    for (const { head, range } of this.#parts) {
      yield head;
      yield* read(content, range);
    }
    yield this.#end;
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
    }
  }
}
