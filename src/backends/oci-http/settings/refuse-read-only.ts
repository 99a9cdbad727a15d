import { NotAllowedError } from "../../refusals.ts";
import type { InstanceConfig } from "./instance-config.ts";

/** Throws `NotAllowedError` for a registry in the mode `read-only`. */
export function refuseReadOnly({ name, mode }: Pick<InstanceConfig, "name" | "mode">): void {
  if (mode === "read-only")
    throw new NotAllowedError(
      `'${name}' is read-only for now (mode=read-only); '/oci set ${name} mode=' ends that`,
    );
}
