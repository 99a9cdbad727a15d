import { TurnQueue } from "../jobs/turn-queue.ts";
import { DisplayedLine, type ReadOptions, type ReadResult } from "./displayed-line.ts";
import { type Key, KeyDecoder } from "./key-decoder.ts";

/** A terminal, over any transport. */
export interface Terminal {
  readonly input: AsyncIterable<Uint8Array>;
  /** Resolves when the terminal can accept more output. */
  write(text: string): Promise<void>;
  /** Current width, in columns. */
  columns(): number;
  /** Current height, in rows. */
  rows(): number;
  /** Calls `callback` after each change of size. */
  onResize(callback: () => void): void;
}

/** Maximal time for processing keys before other readers get their turn. */
const SLICE_MS = 2;
/** Output of many keys is buffered up to this size, in UTF-16 units. */
const MAX_UNWRITTEN = 16 * 1024;
/** The rest of a key that begins with ESC arrives within this time; else the key was Esc. */
const ESCAPE_MS = 100;

/** Reads lines from a terminal with editing, history and completion. */
export class LineReader {
  readonly #terminal: Terminal;
  readonly #packets: AsyncIterator<Uint8Array>;
  readonly #turns: TurnQueue;
  readonly #decoder = new KeyDecoder();
  readonly #keys: Key[] = [];
  /** The packet that is waited for. */
  #arriving: Promise<IteratorResult<Uint8Array>> | undefined;
  /** Start of the current turn, in milliseconds. */
  #began = 0;
  #line: DisplayedLine | undefined;
  #isRedrawing = false;

  /** Readers that share `turns` process keys one after another, so that together they block the thread no longer than one. */
  constructor(terminal: Terminal, turns = new TurnQueue()) {
    this.#terminal = terminal;
    this.#turns = turns;
    this.#packets = terminal.input[Symbol.asyncIterator]();
    terminal.onResize(() => this.#redraw());
  }

  async read(options: ReadOptions): Promise<ReadResult> {
    const line = new DisplayedLine(this.#terminal, options);
    this.#line = line;
    try {
      for (;;) {
        // Typed-ahead input is drawn once, after its last key.
        if (this.#keys.length === 0 || line.unwritten > MAX_UNWRITTEN)
          await this.#terminal.write(line.take());
        const key = await this.#nextKey();
        if (!key) return { kind: "ended" };
        const pressed = line.press(key);
        const result = pressed instanceof Promise ? await pressed : pressed;
        if (!result) continue;
        await this.#terminal.write(line.take());
        return result;
      }
    } finally {
      this.#line = undefined;
    }
  }

  /** Resolves at the next key or at the end of input. */
  async key(): Promise<void> {
    await this.#nextKey();
  }

  async #nextKey(): Promise<Key | undefined> {
    for (;;) {
      const key = this.#keys.shift();
      if (key) {
        if (performance.now() - this.#began > SLICE_MS) await this.#turn();
        return key;
      }
      const packet = await this.#nextPacket();
      if (packet === "late") {
        this.#keys.push(this.#decoder.takeEscape());
        continue;
      }
      if (packet.done) return undefined;
      await this.#turn();
      this.#keys.push(...this.#decoder.decode(packet.value));
    }
  }

  /** `late`: an ESC that would end a search has had no more to follow. */
  async #nextPacket(): Promise<IteratorResult<Uint8Array> | "late"> {
    this.#arriving ??= this.#packets.next();
    const isEscape = this.#decoder.hasLoneEscape && this.#line?.isSearching === true;
    const packet = isEscape
      ? await Promise.race([this.#arriving, Bun.sleep(ESCAPE_MS).then(() => "late" as const)])
      : await this.#arriving;
    if (packet !== "late") this.#arriving = undefined;
    return packet;
  }

  async #turn(): Promise<void> {
    await this.#turns.next();
    this.#began = performance.now();
  }

  /** Redraws once for all size changes that arrive while earlier output is written. */
  #redraw(): void {
    if (this.#isRedrawing || !this.#line) return;
    this.#isRedrawing = true;
    this.#terminal
      .write("")
      .then(() => {
        this.#isRedrawing = false;
        this.#line?.redraw();
        return this.#terminal.write(this.#line?.take() ?? "");
      })
      .catch(() => undefined);
  }
}
