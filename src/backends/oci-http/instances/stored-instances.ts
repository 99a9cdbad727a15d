import type { StoreManager } from "../../../primitives/store/store-manager.ts";
import { INSTANCES_PATH, parseInstances, SYSTEM_STORE } from "../settings/instance-config.ts";

/** The registry that the first start creates; it is in no file until it is changed. */
export const DEFAULT_INSTANCE = "default";

/** Reads the names of the configured registries while no server runs. */
export async function readStoredInstances(
  stores: StoreManager,
): Promise<readonly { readonly name: string }[]> {
  const implied = [{ name: DEFAULT_INSTANCE }];
  if (!(await stores.list()).includes(SYSTEM_STORE)) return implied;
  const system = await stores.open(SYSTEM_STORE);
  try {
    const bytes = await system.read(INSTANCES_PATH);
    return bytes ? parseInstances(bytes) : implied;
  } finally {
    await system.close();
  }
}
