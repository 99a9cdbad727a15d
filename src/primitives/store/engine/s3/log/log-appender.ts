import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3RefusedError, S3UnavailableError, S3UncertainError } from "../../../../s3/s3-errors.ts";
import { encodeEntry } from "../../../git/pack.ts";
import type { BranchMove } from "../../branch.ts";
import type { LogClock, Moment } from "./log-clock.ts";
import { encodeLogEntry, type LogEntry, type S3LogRecord } from "./log-entry.ts";
import type { LogKeys } from "./log-keys.ts";
import type { LogTail } from "./log-tail.ts";
import type { Turns } from "./turns.ts";

/** How often an entry is written whose fate is unknown, and the pause before the second time (doubled after each), in milliseconds. */
const MAX_WRITES = 5;
const PAUSE_MS = 50;
/** How many races in a row a node loses before it asks for a turn. */
const LOSSES_BEFORE_TURN = 2;
/** How many it loses before it looks how far the log goes on. */
const LOSSES_BEFORE_LOOK = 2;
/** It asks at once if the other node has written so many entries more. */
const FAR_BEHIND = 4;
/** Pause between looks at the log while another node has the turn, in milliseconds: the first one, and the longest. */
const TURN_PAUSE_MS = 20;
const MAX_TURN_PAUSE_MS = 100;
/** Records in an entry; what is more goes to the next one. */
const MAX_RECORDS = 10_000;

/** What goes into the log whether or not the branch has moved. */
export interface Addition {
  readonly objects?: BranchMove["objects"];
  readonly records?: readonly S3LogRecord[];
}

interface WaitingMove {
  readonly move: BranchMove;
  readonly outcome: PromiseWithResolvers<boolean>;
}

interface WaitingAddition {
  readonly addition: Addition;
  readonly done: PromiseWithResolvers<void>;
}

interface Batch {
  move: WaitingMove | undefined;
  readonly additions: readonly WaitingAddition[];
}

export interface LogAppenderOptions {
  readonly bucket: S3Bucket;
  readonly keys: LogKeys;
  readonly clock: LogClock;
  readonly node: string;
  readonly tail: LogTail;
  readonly turns: Turns;
}

/**
 * Appends entries: each with one conditional write at the number after the last entry, which decides who was first. All
 * that waits goes into one entry.
 *
 * What is appended must come after every entry that exists. Entries are deleted after they were merged, so a number that
 * does not exist may be an old one, and an entry that was created there would be lost, and others with it. It can't happen:
 * - An entry is deleted no sooner than 24 hours after a checkpoint was written that contains it (`trimLog`).
 * - A node writes number N only if less than a minute has passed, by the longer of its clocks, since a moment at which no
 *   checkpoint contained N (`LogTail.isFresh`): the node saw that N did not exist, or read the checkpoint.
 * - The request is signed with the time at which that was checked, and the store refuses a signature that is more than 15
 *   minutes older or newer than its own clock. So neither a node that hangs between the check and the write, nor a network
 *   that delivers late, nor a clock that is wrong or stood still extends that minute to more than an hour.
 */
export class LogAppender {
  readonly #options: LogAppenderOptions;
  #move: WaitingMove | undefined;
  #additions: WaitingAddition[] = [];
  #running: Promise<void> | undefined;
  #writing: string | undefined;
  /** Races in a row. */
  #lost = 0;

  constructor(options: LogAppenderOptions) {
    this.#options = options;
  }

  /** One at a time. Resolves when the branch has moved and that is durable; with false if it is not where the move expects it. */
  move(move: BranchMove): Promise<boolean> {
    const outcome = Promise.withResolvers<boolean>();
    this.#move = { move, outcome };
    this.#start();
    return outcome.promise;
  }

  /** Resolves when it is durable, and was taken in by this node. */
  add(addition: Addition): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#additions.push({ addition, done });
    this.#start();
    return done.promise;
  }

  /** Whether an entry with this nonce is being written, so that its caller waits. */
  isWriting(nonce: string): boolean {
    return this.#writing === nonce;
  }

  /** Resolves when nothing is being written any more. */
  async drained(): Promise<void> {
    await this.#running;
  }

  #start(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // What is added in the same turn of the event loop belongs to the same entry.
    await Promise.resolve();
    while (this.#move !== undefined || this.#additions.length > 0) {
      if (this.#options.turns.isHeld) await this.#waitForTurn();
      const batch: Batch = { move: this.#move, additions: this.#takeAdditions() };
      this.#move = undefined;
      try {
        await Promise.all([this.#append(batch), this.#options.turns.appending()]);
      } catch (error) {
        batch.move?.outcome.reject(error);
        for (const { done } of batch.additions) done.reject(error);
      }
      this.#writing = undefined;
    }
    // Synchronous with the last look at what waits: what is added from here on starts another run.
    this.#running = undefined;
  }

  async #waitForTurn(): Promise<void> {
    const { turns, tail } = this.#options;
    for (let pause = TURN_PAUSE_MS; turns.isHeld; pause = Math.min(pause * 1.5, MAX_TURN_PAUSE_MS)) {
      await Bun.sleep(pause * (0.5 + Math.random()));
      // A failure shows when the entry is written.
      await tail.refresh().catch(() => undefined);
    }
  }

  #takeAdditions(): WaitingAddition[] {
    let records = 0;
    const beyond = this.#additions.findIndex(({ addition }, i) => {
      records += addition.records?.length ?? 0;
      return i > 0 && records > MAX_RECORDS;
    });
    return this.#additions.splice(0, beyond < 0 ? this.#additions.length : beyond);
  }

  async #append(batch: Batch): Promise<void> {
    const { tail, clock, turns } = this.#options;
    for (let races = 0; ; races++) {
      if (races >= LOSSES_BEFORE_TURN) turns.ask(tail.last);
      if (batch.move && batch.move.move.expected !== tail.head) {
        batch.move.outcome.resolve(false);
        batch.move = undefined;
      }
      if (batch.move === undefined && batch.additions.length === 0) return;
      const now = clock();
      if (!tail.isFresh(now)) {
        await tail.refresh();
        continue;
      }
      const number = tail.last + 1;
      const entry = this.#entryOf(batch);
      const written = await this.#write(number, entry, now);
      if (written === "late") continue;
      tail.apply(number, written);
      this.#writing = undefined;
      if (written.nonce !== entry.nonce) {
        // Mostly it is the only one, and the next write tells as much as a look.
        this.#lost++;
        if (this.#lost < LOSSES_BEFORE_LOOK) continue;
        // The other node may have written many more.
        await tail.refresh();
        if (tail.last - number > FAR_BEHIND) turns.ask(tail.last);
        continue;
      }
      this.#lost = 0;
      turns.appendedNow();
      batch.move?.move.stored();
      batch.move?.outcome.resolve(true);
      for (const { done } of batch.additions) done.resolve();
      return;
    }
  }

  #entryOf({ move, additions }: Batch): LogEntry {
    const objects = [
      move?.move.objects ?? [],
      ...additions.map(({ addition }) => addition.objects ?? []),
    ].flat();
    const unique = new Map(objects.map((object) => [object.id, object]));
    return {
      node: this.#options.node,
      nonce: crypto.randomUUID(),
      ...(move && { move: { expected: move.move.expected, next: move.move.next } }),
      objects: [...unique.values()].map(encodeEntry),
      records: additions.flatMap(({ addition }) => addition.records ?? []),
    };
  }

  /** Resolves with the entry that has the number now: this one, or one of another node. `late`: the node hung meanwhile. */
  async #write(number: number, entry: LogEntry, checked: Moment): Promise<LogEntry | "late"> {
    try {
      this.#writing = entry.nonce;
      return await this.#writeUntilCertain(number, entry, checked);
    } catch (error) {
      if (error instanceof S3RefusedError && !this.#options.tail.isFresh(this.#options.clock()))
        return "late";
      throw error;
    }
  }

  async #writeUntilCertain(number: number, entry: LogEntry, checked: Moment): Promise<LogEntry> {
    const { bucket, keys, tail } = this.#options;
    const bytes = encodeLogEntry(entry);
    const options = { condition: { absent: true }, signedAt: new Date(checked.wall) } as const;
    for (let writes = 1; ; writes++) {
      let failure: unknown = new S3UnavailableError(`the object store shows no ${keys.entry(number)}`);
      try {
        const { kind } = await bucket.put(keys.entry(number), bytes, options);
        if (kind === "stored") return entry;
      } catch (error) {
        if (!(error instanceof S3UncertainError)) throw error;
        failure = error;
      }
      // An entry of some node is there, perhaps this one.
      const found = await tail.read(number).catch((error) => {
        failure = error;
        return undefined;
      });
      if (found) return found.nonce === entry.nonce ? entry : found;
      if (!(failure instanceof S3UncertainError || failure instanceof S3UnavailableError)) throw failure;
      if (writes >= MAX_WRITES || bucket.client.isAway) throw failure;
      await Bun.sleep(PAUSE_MS * 2 ** (writes - 1) * (0.5 + Math.random()));
    }
  }
}
