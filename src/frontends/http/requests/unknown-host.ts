import { challengeOf, TOKEN_PATH } from "../../../backends/oci-http/instances/challenge.ts";
import { RegistryError } from "../../../registry/requests/errors.ts";
import { jsonResponse } from "../../../registry/requests/json-response.ts";
import { HTTP_FAULTS } from "./http-faults.ts";

/** A token that no registry accepts. */
const NO_TOKEN = "none";
const NO_TOKEN_SECONDS = 60;

/**
 * The response at a host that no registry has: 404 with its name. podman and skopeo drop the message if their first
 * request, to `/v2/`, gets a 404; docker without a login gives up at a Basic challenge. So that request gets a Bearer
 * challenge, whose token grants nothing, and the next one gets the 404. Passwords sent here are not read.
 */
export function unknownHostResponse(
  { headers }: Request,
  { path, host, base }: { readonly path: string; readonly host: string; readonly base: string },
): Response | RegistryError {
  const message = `no registry is served at the host '${host}'; the server's log names the hosts that are served`;
  if ((path === "/v2/" || path === "/v2") && !headers.has("Authorization"))
    return new RegistryError(HTTP_FAULTS.hostUnknownYet, {
      message,
      headers: { "WWW-Authenticate": challengeOf("Bearer", base) },
    });
  if (path !== TOKEN_PATH) return new RegistryError(HTTP_FAULTS.hostUnknown, { message });
  const token = { token: NO_TOKEN, access_token: NO_TOKEN, expires_in: NO_TOKEN_SECONDS };
  return jsonResponse(token, { headers: { "Cache-Control": "no-store" } });
}
