import type { UserName } from "./user.ts";

const MAX_USERS = 10_000;
const MAX_NETWORKS_OF_USER = 32;

/** The networks from which each user last logged in. Only a right password adds one. */
export class KnownNetworks {
  /** Users in order of their last login, the latest last; networks of a user with the latest first. */
  readonly #ofUser = new Map<string, readonly string[]>();
  readonly #changed: () => void;

  /** `entries` has the form that `entries()` returns. */
  constructor(
    entries: Iterable<readonly [string, readonly string[]]> = [],
    changed: () => void = () => undefined,
  ) {
    for (const [login, networks] of entries) this.#set(login, networks);
    this.#changed = changed;
  }

  has(login: string, network: string): boolean {
    return this.#ofUser.get(login)?.includes(network) ?? false;
  }

  add(name: UserName, network: string): void {
    const known = this.#ofUser.get(name) ?? [];
    if (known[0] === network) return;
    this.#set(name, [network, ...known.filter((other) => other !== network)]);
    this.#changed();
  }

  entries(): readonly (readonly [string, readonly string[]])[] {
    return [...this.#ofUser];
  }

  #set(login: string, networks: readonly string[]): void {
    this.#ofUser.delete(login);
    this.#ofUser.set(login, networks.slice(0, MAX_NETWORKS_OF_USER));
    const [oldest] = this.#ofUser.keys();
    if (this.#ofUser.size > MAX_USERS && oldest !== undefined) this.#ofUser.delete(oldest);
  }
}
