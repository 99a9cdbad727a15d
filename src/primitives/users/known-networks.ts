import { LruCache } from "../lru-cache.ts";
import type { UserName } from "./user.ts";

const MAX_USERS = 10_000;
const MAX_NETWORKS_OF_USER = 32;

/** From where users have logged in, the networks used last. Only a right password adds to it. */
export class KnownNetworks {
  readonly #ofUser = new LruCache<string, readonly string[]>(2 * MAX_USERS);

  has(login: string, network: string): boolean {
    return this.#ofUser.get(login)?.includes(network) ?? false;
  }

  add(name: UserName, network: string): void {
    const known = this.#ofUser.get(name) ?? [];
    if (known[0] === network) return;
    const others = known.filter((other) => other !== network);
    this.#ofUser.set(name, [network, ...others].slice(0, MAX_NETWORKS_OF_USER));
  }
}
