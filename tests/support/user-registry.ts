import { Store } from "../../src/primitives/store/commits/store.ts";
import { USERS_STORE, UserRegistry } from "../../src/primitives/users/user-registry.ts";
import { afterThisTest } from "./cleanup.ts";
import { MemoryStore } from "./memory-engine/memory-store.ts";

/** A user registry in memory, with only the user `anon`. */
export async function openUsers(): Promise<UserRegistry> {
  const { objects, branch } = new MemoryStore();
  const store = await Store.open(USERS_STORE, { objects, branch });
  afterThisTest(() => store.close());
  return UserRegistry.load(store, () => undefined);
}
