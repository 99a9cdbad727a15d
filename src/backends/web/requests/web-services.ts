import type { JobRunner } from "../../../primitives/jobs/job-runner.ts";
import type { WaitBudget } from "../../../primitives/jobs/wait-budget.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import type { TokenUses } from "../../../primitives/users/token-uses.ts";
import type { UserRegistry } from "../../../primitives/users/user-registry.ts";
import type { PasswordServices } from "../../accounts/account-services.ts";
import type { OtherNodes } from "../../administration/configuration-follower.ts";
import type { InstanceRegistry } from "../../oci-http/instances/instance-registry.ts";

/** The services that operations use. Pages and API pass them on, and read none themselves. */
export interface WebServices extends PasswordServices {
  readonly users: UserRegistry;
  readonly instances: InstanceRegistry;
  /** Of one request. */
  readonly waits?: WaitBudget | undefined;
  readonly jobs: JobRunner;
  readonly tokenUses: Pick<TokenUses, "lastUse">;
  /** What other nodes change of users and registries; `undefined` where no other node uses the storage. */
  readonly others: OtherNodes | undefined;
  /** Port of the admin console; `undefined` if it is off. */
  readonly consolePort: number | undefined;
  readonly log: Logger;
}
