import type { ChallengeScope } from "../../../registry/requests/registry-request.ts";

/** The fault of the client's token (RFC 6750, section 3.1). */
export type ChallengeFault = "invalid_token" | "insufficient_scope";

/** The path of the token endpoint, on every virtual host. */
export const TOKEN_PATH = "/token";

/**
 * Returns a WWW-Authenticate header: Basic (RFC 7617), or Bearer (Docker's token specification) with the realm below `base`,
 * the URL at which the client reached the registry, such as `https://example.org:8443`; it may end in a path.
 */
export function challengeOf(
  scheme: "Basic" | "Bearer",
  base: string,
  scope?: ChallengeScope,
  fault?: ChallengeFault,
): string {
  if (scheme === "Basic") return 'Basic realm="Everlock", charset="UTF-8"';
  const parameters = {
    realm: `${base}${TOKEN_PATH}`,
    service: base.slice(base.indexOf("://") + "://".length),
    scope: scope && scopeText(scope),
    error: fault,
  };
  const parts = Object.entries(parameters).flatMap(([name, value]) => (value ? [`${name}="${value}"`] : []));
  return `Bearer ${parts.join(",")}`;
}

function scopeText(scope: NonNullable<ChallengeScope>): string {
  if (scope === "catalog") return "registry:catalog:*";
  // A client that pushes also checks which blobs exist.
  const actions = { pull: "pull", push: "pull,push", delete: "delete" }[scope.permission];
  return `repository:${scope.repository}:${actions}`;
}
