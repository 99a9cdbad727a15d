import { errorResponse, RegistryError } from "../../../registry/requests/errors.ts";
import type { AccessClaim } from "../access/token-access.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import { challengeOf } from "./challenge.ts";

/** Seconds. */
const RETRY_AFTER = "30";

/** Answers requests to a registry whose store can't be opened: 503 to every client. */
export class InstanceOutOfService {
  readonly config: InstanceConfig;
  readonly view = undefined;

  constructor(config: InstanceConfig) {
    this.config = config;
  }

  get audience(): string {
    return this.config.name;
  }

  async handle(): Promise<Response> {
    const message = `the registry '${this.config.name}' is out of service; the server's log has the reason`;
    return errorResponse(
      new RegistryError("unavailable", { message, headers: { "Retry-After": RETRY_AFTER } }),
    );
  }

  challenge(base: string): string {
    return challengeOf("Basic", base);
  }

  claimsFor(): AccessClaim[] {
    return [];
  }

  async idle(): Promise<void> {}
}
