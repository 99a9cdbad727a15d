import { type Failure, type FailureKind, failureOf } from "../../../primitives/errors/failure.ts";
import { LogThrottle } from "../../../primitives/logging/log-throttle.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import type { Fault } from "../../../registry/requests/errors.ts";
import { type FaultName, RegistryError } from "../../../registry/requests/errors.ts";
import { HTTP_FAULTS } from "./http-faults.ts";

const TROUBLE_RETRY_SECONDS = "10";
const BUSY_RETRY_SECONDS = "5";

/** The OCI error of each kind of failure. Failures that the operator must fix reveal nothing about the server. */
const FAULT_OF: Readonly<Record<FailureKind, Fault | FaultName>> = {
  usage: HTTP_FAULTS.requestInvalid,
  invalid: HTTP_FAULTS.requestInvalid,
  refused: "denied",
  "not-found": "nameUnknown",
  conflict: HTTP_FAULTS.conflict,
  unchanged: HTTP_FAULTS.conflict,
  busy: "tooManyRequests",
  unavailable: HTTP_FAULTS.objectStoreAway,
  damaged: HTTP_FAULTS.internal,
  unusable: HTTP_FAULTS.internal,
  incomplete: HTTP_FAULTS.internal,
  storage: HTTP_FAULTS.diskFailed,
  system: HTTP_FAULTS.internal,
  bug: HTTP_FAULTS.internal,
};

/** The OCI error for an exception. `isOneOfMany`: other nodes serve the same from an object store. */
export function registryErrorOf({ kind, words, trouble }: Failure, isOneOfMany: boolean): RegistryError {
  const fault = FAULT_OF[kind];
  if (kind === "busy") return new RegistryError(fault, { headers: { "Retry-After": BUSY_RETRY_SECONDS } });
  if (kind === "unavailable")
    return new RegistryError(fault, { headers: { "Retry-After": TROUBLE_RETRY_SECONDS } });
  if (kind === "storage") {
    const headers = { "Retry-After": TROUBLE_RETRY_SECONDS };
    if (trouble === "no-room")
      // Load balancers and clients try again, elsewhere, after 503; 507 says that it is of no use.
      return new RegistryError(isOneOfMany ? HTTP_FAULTS.diskFullOfNode : HTTP_FAULTS.diskFull, { headers });
    return new RegistryError(fault, { message: words, headers });
  }
  return new RegistryError(fault, fault === HTTP_FAULTS.internal ? {} : { message: words });
}

/** Logs exceptions of request handlers and makes the error responses. */
export class FailedRequests {
  readonly #log: Logger;
  readonly #isOneOfMany: boolean;
  /** Logs disk failures in one line without stack, and rarely: on a full disk every push fails. */
  readonly #troubles: LogThrottle;

  /** `isOneOfMany`: see `registryErrorOf`. */
  constructor(log: Logger, isOneOfMany: boolean) {
    this.#log = log;
    this.#isOneOfMany = isOneOfMany;
    this.#troubles = new LogThrottle((message) => log.warn(message));
  }

  errorOf(error: unknown): RegistryError {
    const failure = failureOf(error);
    const { kind, words, detail, trouble } = failure;
    if (kind === "unavailable") this.#troubles.log(kind, `a request failed: ${detail}`);
    else if (trouble !== undefined && kind === "storage")
      this.#troubles.log(trouble, `a request failed: ${words} (${detail})`);
    else if (FAULT_OF[kind] === HTTP_FAULTS.internal) this.#log.error("a request failed", error);
    return registryErrorOf(failure, this.#isOneOfMany);
  }
}
