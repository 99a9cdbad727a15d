import { messageOf } from "../primitives/expected-error.ts";
import type { TransferWatch } from "../primitives/store/transfer/transfer-watch.ts";
import { formatSize } from "../primitives/text/byte-size.ts";
import { visibleText } from "../primitives/text/visible-text.ts";

/** Between updates of the line on a terminal, and between lines elsewhere, in milliseconds. */
const TERMINAL_MS = 200;
const LINES_MS = 10_000;
/** The rate is that of the last so many milliseconds. */
const RATE_MS = 30_000;
/** Clears the line of a terminal. */
export const CLEAR = "\r\u001b[K";

export interface ProgressOutput {
  readonly isTTY?: boolean;
  /** Of the terminal. */
  readonly columns?: number;
  write(text: string): unknown;
}

export interface CopyProgressOptions {
  /** Bytes of blobs in the source, and in the target at the beginning. */
  readonly total: number;
  readonly present: number;
  /** Put before the line, such as `repository 4 of 50: `. */
  readonly label?: string;
  readonly output: ProgressOutput;
  readonly now?: () => number;
}

interface Sample {
  readonly at: number;
  readonly copied: number;
}

/** Says how far a copy is: in a line that is written again on a terminal, elsewhere in a line now and then. */
export class CopyProgress implements TransferWatch {
  readonly #options: CopyProgressOptions;
  readonly #now: () => number;
  readonly #samples: Sample[];
  #copied = 0;
  #found = 0;
  #failure: unknown;
  #shown: number;

  constructor(options: CopyProgressOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#shown = this.#now();
    this.#samples = [{ at: this.#shown, copied: 0 }];
  }

  /** Ends the copy at its next step. */
  fail(error: unknown): void {
    this.#failure ??= error;
  }

  copied(bytes: number): void {
    if (this.#failure !== undefined && bytes > 0) throw this.#failure;
    this.#copied += bytes;
    const { output } = this.#options;
    const now = this.#now();
    if (now - this.#shown < (output.isTTY ? TERMINAL_MS : LINES_MS)) return;
    this.#shown = now;
    output.write(output.isTTY ? `${CLEAR}${this.#line()}` : `${this.#texts()[0]}\n`);
  }

  /** Bytes that need not be copied, as it turns out. */
  found(bytes: number): void {
    this.#found += bytes;
  }

  pausing(error: Error, ms: number): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.line(`${messageOf(error)}; trying again in ${Math.ceil(ms / 1000)} s`);
  }

  /** Prints a line of its own. */
  line(text: string): void {
    this.clear();
    this.#options.output.write(`${visibleText(text)}\n`);
  }

  clear(): void {
    if (this.#options.output.isTTY) this.#options.output.write(CLEAR);
  }

  /** Such as `1.2 GiB of 34 GiB copied, 105 MiB/s, 5 min left`. */
  text(): string {
    return this.#texts()[1];
  }

  /** The longest text that the terminal has room for: a line that wraps could not be written again. */
  #line(): string {
    const { output } = this.#options;
    const texts = this.#texts();
    const fitting = texts.find((text) => inColumns(output, text) === text);
    return fitting ?? inColumns(output, texts[2]);
  }

  /** With the label, without it, and a short one. */
  #texts(): readonly [string, string, string] {
    const { total, present, label = "" } = this.#options;
    const now = this.#now();
    this.#samples.push({ at: now, copied: this.#copied });
    while (this.#samples.length > 2 && now - (this.#samples[1]?.at ?? now) > RATE_MS) this.#samples.shift();
    const [first] = this.#samples;
    const seconds = (now - (first?.at ?? now)) / 1000;
    const rate = seconds > 0 ? Math.max(this.#copied - (first?.copied ?? 0), 0) / seconds : 0;
    const done = present + this.#found + this.#copied;
    // What is in use grows, and sizes are not exact.
    const all = Math.max(total, done);
    const left = rate > 0 ? `, ${formatLeft((all - done) / rate)} left` : "";
    const short = `${formatSize(done)} of ${formatSize(all)}`;
    const text = `${short} copied, ${formatSize(Math.round(rate))}/s${left}`;
    return [label + text, text, short + left];
  }
}

/** Text that is cut so that it does not wrap. */
export function inColumns({ columns = 80 }: ProgressOutput, text: string): string {
  return text.length < columns ? text : text.slice(0, Math.max(columns - 1, 0));
}

function formatLeft(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
