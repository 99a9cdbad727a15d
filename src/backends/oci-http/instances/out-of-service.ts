import { ExpectedError } from "../../../primitives/expected-error.ts";
import type { InstanceName } from "../settings/instance-config.ts";

/** The store of an instance can't be opened; the message has the reason, for operators. */
export class OutOfServiceError extends ExpectedError {
  override readonly name = "OutOfServiceError";
  override readonly kind = "unusable";
  readonly registry: InstanceName;

  constructor(registry: InstanceName, problem: string) {
    super(`the registry '${registry}' is out of service: ${problem}`);
    this.registry = registry;
  }
}
