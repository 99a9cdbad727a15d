import type { UpstreamFailure } from "../../../registry/client/upstream-answer.ts";
import type { MirrorFailure } from "./mirror-calls.ts";

const LIMITED_SECONDS = 30;

/** Upstream's own words are for the operator; clients get what they need to know. */
export function failureForClient(failure: UpstreamFailure): MirrorFailure {
  switch (failure.kind) {
    case "limited":
      return {
        kind: "limited",
        reason: failure.reason,
        retryAfterSeconds: Math.max(1, Math.ceil((failure.retryAfterMs ?? LIMITED_SECONDS * 1000) / 1000)),
      };
    case "denied":
    case "unknown":
      // Whether upstream has what this registry may not have is nothing for clients.
      return { kind: "unknown" };
    case "invalid":
      return { kind: "unsound", reason: failure.reason };
    case "unavailable":
      return { kind: "unavailable", reason: failure.reason };
  }
}
