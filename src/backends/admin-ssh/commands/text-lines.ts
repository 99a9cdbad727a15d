import { MAX_LINE_LENGTH } from "../../../primitives/terminal/line-editor.ts";
import { ConsoleError } from "./console-error.ts";

/** The lines of a byte stream, without line ends. */
export class TextLines implements AsyncIterable<string> {
  readonly #input: AsyncIterable<Uint8Array>;

  constructor(input: AsyncIterable<Uint8Array>) {
    this.#input = input;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const packet of this.#input) {
      const lines = (rest + decoder.decode(packet, { stream: true })).split(/\r?\n/);
      rest = lines.pop() ?? "";
      yield* lines;
      if (rest.length > MAX_LINE_LENGTH)
        throw new ConsoleError(`a line is longer than ${MAX_LINE_LENGTH} characters`);
    }
    if (rest !== "") yield rest;
  }
}
