import { type Failure, type FailureKind, reportedFailure } from "../../../primitives/errors/failure.ts";
import { ExpectedError } from "../../../primitives/expected-error.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { ANONYMOUS } from "../../../primitives/users/user.ts";
import { damageOf } from "../../oci-http/content/damage.ts";
import { OutOfServiceError } from "../../oci-http/instances/out-of-service.ts";
import { HistoryBeingReadError } from "../../oci-http/operations/caught-up.ts";
import { TryLaterError } from "../../refusals.ts";
import type { WebLogin } from "./web-calls.ts";

/** Why a request failed, for pages and API: an HTTP status and words for users. */
export interface WebFailure {
  readonly status: number;
  /** Instead of that of the status. */
  readonly title?: string | undefined;
  readonly words: string;
  readonly hint?: string | undefined;
}

/** The registry serves nothing for now; the message is the administrator's. */
export class UnderMaintenanceError extends ExpectedError {
  override readonly name = "UnderMaintenanceError";

  constructor(message: string) {
    super(message, { kind: "busy" });
  }
}

const STATUS: Readonly<Record<FailureKind, number>> = {
  usage: 400,
  invalid: 400,
  refused: 403,
  "not-found": 404,
  conflict: 409,
  unchanged: 409,
  busy: 503,
  unavailable: 503,
  damaged: 503,
  unusable: 500,
  incomplete: 500,
  storage: 503,
  system: 500,
  bug: 500,
};

const STORAGE_HINT =
  "Pulls go on. Pages of the history and of space need an index that the server keeps in its data directory: once an administrator has made room there, or mounted it writable, they work without a restart.";

/** Logs a failure as its kind requires. Refused without a login is 401: another user may be allowed. */
export function webFailureOf(log: Logger, error: unknown, { user }: WebLogin): WebFailure {
  if (damageOf(error))
    return { status: 503, words: "an index of this registry is being rebuilt; try again in a few seconds" };
  const failure: Failure = reportedFailure(log, "a request for a page failed", error);
  const { kind, words, hint } = failure;
  if (error instanceof UnderMaintenanceError) return { status: 503, title: "Under maintenance", words };
  // The reason names the store, and is the operator's.
  if (error instanceof OutOfServiceError)
    return {
      status: 503,
      title: "Out of service",
      words: `the registry '${error.registry}' is out of service for now`,
      hint: "The server’s log has the reason.",
    };
  if (error instanceof HistoryBeingReadError)
    return { status: 503, title: "The history is being read", words };
  if (error instanceof TryLaterError) return { status: 429, words, hint };
  if (kind === "storage") return { status: 503, words, hint: STORAGE_HINT };
  const status = kind === "refused" && user === ANONYMOUS ? 401 : STATUS[kind];
  return { status, words, hint };
}
