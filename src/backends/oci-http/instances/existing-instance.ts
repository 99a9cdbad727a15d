import { ExpectedError } from "../../../primitives/expected-error.ts";
import { meantHint } from "../../../primitives/text/nearest.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";

/** A change of instances that is refused; the message is for the user who requested it. */
export class InstanceChangeError extends ExpectedError {
  override readonly name = "InstanceChangeError";
}

/** Throws `InstanceChangeError` if there is no instance with this name. */
export function existing(configs: readonly InstanceConfig[], name: InstanceConfig["name"]): InstanceConfig {
  const config = configs.find((candidate) => candidate.name === name);
  if (config) return config;
  const names = configs.map((known) => known.name);
  throw new InstanceChangeError(`no registry '${name}'`, { kind: "not-found", hint: meantHint(name, names) });
}
