import { messageOf } from "../expected-error.ts";

const CA_HINT = "give the certificate of its CA by --storage-ca";

/** What the runtime's error codes mean for an operator. */
const WORDS: Readonly<Record<string, string>> = {
  ConnectionRefused: "it refuses the connection",
  ECONNREFUSED: "it refuses the connection",
  ConnectionClosed: "it closed the connection",
  ECONNRESET: "it closed the connection",
  FailedToOpenSocket: "it can't be reached",
  ENOTFOUND: "there is no host of that name",
  EPROTO: "it does not speak TLS at this port; without TLS, the endpoint begins with http://",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for other host names",
  DEPTH_ZERO_SELF_SIGNED_CERT: `its certificate is self-signed; ${CA_HINT}`,
  SELF_SIGNED_CERT_IN_CHAIN: `its certificate is from an unknown CA; ${CA_HINT}`,
  UNABLE_TO_GET_ISSUER_CERT: `its certificate is from an unknown CA; ${CA_HINT}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `its certificate is from an unknown CA; ${CA_HINT}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `its certificate is from an unknown CA; ${CA_HINT}`,
};

/** Why a request got no response, in words for an operator. */
export function fetchFailure(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  // What follows is advice for programmers.
  return (
    WORDS[code] ?? messageOf(error).replace(/ ?(For more information, pass|Is the computer able).*/s, "")
  );
}
