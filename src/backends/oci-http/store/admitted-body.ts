/** How many bytes of a body of unknown length are asked for at once; less where that is too much. */
const STEP_BYTES = 16 * 1024 * 1024;

/** Asks whether an upload may hold so many bytes, and answers why not. */
export type AdmitSize = (size: number) => Promise<string | undefined>;

/** A body that an upload of `start` bytes takes in as far as it is admitted; what is more breaks it off. */
export class AdmittedBody implements AsyncIterable<Uint8Array> {
  /** Why it was broken off. */
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

  /** `length` of the body, where the client said it. Answers why none of it is taken in. */
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
    throw new Error("the body is more than the quota admits");
  }
}
