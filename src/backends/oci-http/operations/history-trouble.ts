import { ExpectedError } from "../../../primitives/expected-error.ts";
import type { StorageTrouble } from "../../../primitives/fs/storage-trouble.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { ContentServices } from "./registry-access.ts";

/** Why a registry's history can't be read for now, if the server's disk is the cause; it is tried again with each request. */
export function historyTrouble(
  { instances }: ContentServices,
  instance: InstanceName,
): StorageTrouble | undefined {
  try {
    return instances.storeOf(instance).history.trouble;
  } catch (error) {
    // Out of service.
    if (error instanceof ExpectedError) return undefined;
    throw error;
  }
}
