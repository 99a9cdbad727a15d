/** Bytes of a body of unknown length that are admitted at once; fewer if the quota has less room. */
const STEP_BYTES = 16 * 1024 * 1024;

/** Asks whether an upload may grow to `size` bytes; returns the reason if not. */
export type AdmitSize = (size: number) => Promise<string | undefined>;

/** The body of an upload chunk; the iteration throws when the upload exceeds its quota. */
export class AdmittedBody implements AsyncIterable<Uint8Array> {
  /** Why the body was refused, if it was. */
  refusal: string | undefined;
  readonly #body: AsyncIterable<Uint8Array>;
  readonly #admit: AdmitSize;
  #size: number;
  #admitted: number;

  private constructor(body: AsyncIterable<Uint8Array>, admit: AdmitSize, size: number, admitted: number) {
    this.#body = body;
    this.#admit = admit;
    this.#size = size;
    this.#admitted = admitted;
  }

  /** `start`: bytes the upload holds; `length`: the Content-Length, if known. Returns the reason if the body is refused. */
  static async open(
    body: AsyncIterable<Uint8Array>,
    {
      start,
      length,
      admit,
    }: { readonly start: number; readonly length: number | undefined; readonly admit: AdmitSize },
  ): Promise<AdmittedBody | string> {
    if (length === undefined) return new AdmittedBody(body, admit, start, start);
    return (await admit(start + length)) ?? new AdmittedBody(body, admit, start, start + length);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const chunks = this.#body[Symbol.asyncIterator]();
    return {
      next: async () => {
        const next = await chunks.next();
        if (next.done) return next;
        this.#size += next.value.length;
        if (this.#size > this.#admitted) await this.#admitMore();
        return next;
      },
    };
  }

  async #admitMore(): Promise<void> {
    for (const size of [this.#size + STEP_BYTES, this.#size]) {
      this.refusal = await this.#admit(size);
      if (this.refusal !== undefined) continue;
      this.#admitted = size;
      return;
    }
    throw new Error("the body exceeds the quota");
  }
}
