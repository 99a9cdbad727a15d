import type { UserName } from "../../primitives/users/user.ts";
import type { SshLimits } from "./ssh-limits.ts";

/** Counts and limits the open sessions of all connections. */
export class ConsoleSessionCounts {
  readonly #limits: Pick<SshLimits, "sessionsPerUser" | "sessions">;
  readonly #ofUser = new Map<UserName, number>();
  #all = 0;

  constructor(limits: Pick<SshLimits, "sessionsPerUser" | "sessions">) {
    this.#limits = limits;
  }

  /** Counts a new session. Returns an error message if a limit is reached. */
  open(user: UserName): string | undefined {
    const own = this.#ofUser.get(user) ?? 0;
    if (own >= this.#limits.sessionsPerUser) return `'${user}' has ${own} open, the maximum for one user`;
    if (this.#all >= this.#limits.sessions) return `all users have ${this.#all} open, the maximum in total`;
    this.#ofUser.set(user, own + 1);
    this.#all++;
    return undefined;
  }

  close(user: UserName): void {
    const left = (this.#ofUser.get(user) ?? 0) - 1;
    if (left > 0) this.#ofUser.set(user, left);
    else this.#ofUser.delete(user);
    this.#all--;
  }
}
