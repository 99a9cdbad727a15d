import {
  InvalidInstancesError,
  mayLackBlobs,
  parseInstances,
} from "../backends/oci-http/settings/instance-config.ts";
import type { ServerConfig } from "../config/server-config.ts";
import type { StoreName } from "../primitives/store/store-manager.ts";

/**
 * The stores whose manifests may name blobs that were never there, by the stored file of registries and the settings: those of
 * mirrors, and of registries with `references=sparse`.
 */
export function partialStoresIn(
  file: Uint8Array | null | undefined,
  { instances }: Pick<ServerConfig, "instances">,
): readonly StoreName[] {
  try {
    const stored = file ? parseInstances(file) : undefined;
    const configs = instances ? instances(stored) : (stored ?? []);
    return configs.flatMap((config) => (mayLackBlobs(config) ? [config.store] : []));
  } catch (error) {
    // The server reports this error at startup. Here it only means that their missing blobs are reported too.
    if (error instanceof InvalidInstancesError) return [];
    throw error;
  }
}
