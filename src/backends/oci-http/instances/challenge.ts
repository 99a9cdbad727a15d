import type { ChallengeScope } from "../../../registry/requests/registry-request.ts";

/** What was wrong with the token that came (RFC 6750, section 3.1). */
export type ChallengeFault = "invalid_token" | "insufficient_scope";

/** Where tokens are handed out, on every virtual host. */
export const TOKEN_PATH = "/token";

/**
 * A WWW-Authenticate header: Basic (RFC 7617), or Bearer as Docker's token specification has it, with the realm under
 * the host that the client used.
 */
export function challengeOf(
  scheme: "Basic" | "Bearer",
  origin: string,
  scope?: ChallengeScope,
  fault?: ChallengeFault,
): string {
  if (scheme === "Basic") return 'Basic realm="Everlock", charset="UTF-8"';
  const parameters = {
    realm: `${origin}${TOKEN_PATH}`,
    service: origin.slice(origin.indexOf("://") + "://".length),
    scope: scope && scopeText(scope),
    error: fault,
  };
  const parts = Object.entries(parameters).flatMap(([name, value]) => (value ? [`${name}="${value}"`] : []));
  return `Bearer ${parts.join(",")}`;
}

function scopeText(scope: NonNullable<ChallengeScope>): string {
  if (scope === "catalog") return "registry:catalog:*";
  // Whoever pushes also looks what is there already.
  const actions = { pull: "pull", push: "pull,push", delete: "delete" }[scope.permission];
  return `repository:${scope.repository}:${actions}`;
}
