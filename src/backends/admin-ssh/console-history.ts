import type { UserName } from "../../primitives/users/user.ts";

/** Most lines that are kept for a user, and most UTF-16 units of all of them. */
const MAX_LINES = 500;
const MAX_LENGTH = 32 * 1024;
/** Users whose lines are kept: those who used the console last. */
const MAX_USERS = 200;

/** The lines that each user typed at the console, the oldest first. All sessions of a user share them. */
export class ConsoleHistory {
  /** The user who typed last is the last. A list is replaced and never changed, as a line editor walks it meanwhile. */
  readonly #lines = new Map<UserName, readonly string[]>();
  readonly #changed: () => void;

  /** `saved`: lines of earlier runs. */
  constructor(
    saved: Iterable<readonly [UserName, readonly string[]]> = [],
    changed: () => void = () => undefined,
  ) {
    for (const [user, lines] of saved) this.#keep(user, lines);
    this.#changed = changed;
  }

  of(user: UserName): readonly string[] {
    return this.#lines.get(user) ?? [];
  }

  /** `line` is without secrets. A repetition of the last line is not added. */
  add(user: UserName, line: string): void {
    const before = this.of(user);
    if (before.at(-1) === line) return;
    this.#keep(user, [...before, line]);
    this.#changed();
  }

  /** Forgets the lines of all other users. True if there were any. */
  keepOnly(isKept: (user: UserName) => boolean): boolean {
    const others = [...this.#lines.keys()].filter((user) => !isKept(user));
    for (const user of others) this.#lines.delete(user);
    if (others.length > 0) this.#changed();
    return others.length > 0;
  }

  entries(): (readonly [UserName, readonly string[]])[] {
    return [...this.#lines];
  }

  #keep(user: UserName, lines: readonly string[]): void {
    let start = Math.max(lines.length - MAX_LINES, 0);
    let length = 0;
    for (let i = lines.length - 1; i >= start; i--) {
      length += lines[i]?.length ?? 0;
      if (length > MAX_LENGTH) start = i + 1;
    }
    this.#lines.delete(user);
    this.#lines.set(user, lines.slice(start));
    const [oldest] = this.#lines.keys();
    if (this.#lines.size > MAX_USERS && oldest !== undefined) this.#lines.delete(oldest);
  }
}
