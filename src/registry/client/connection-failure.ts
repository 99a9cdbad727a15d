import { PrivateAddressError, UnusableCaError } from "./connections.ts";
import { ProxyError } from "./proxy-tunnel.ts";

const CA_HINT = "upstream-ca= names the certificate of its CA";

/** What the runtime's error codes mean for an operator. */
const WORDS: Readonly<Record<string, string>> = {
  ConnectionRefused: "it refuses the connection",
  ECONNREFUSED: "it refuses the connection",
  ConnectionClosed: "it closed the connection",
  ECONNRESET: "it closed the connection",
  EPIPE: "it closed the connection",
  ETIMEDOUT: "it can't be reached",
  EHOSTUNREACH: "it can't be reached",
  ENETUNREACH: "it can't be reached",
  FailedToOpenSocket: "it can't be reached",
  ENOTFOUND: "there is no host of that name",
  EAI_AGAIN: "its name can't be resolved at present",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for other host names",
  DEPTH_ZERO_SELF_SIGNED_CERT: `its certificate is self-signed; ${CA_HINT}`,
  SELF_SIGNED_CERT_IN_CHAIN: `its certificate is from an unknown CA; ${CA_HINT}`,
  UNABLE_TO_GET_ISSUER_CERT: `its certificate is from an unknown CA; ${CA_HINT}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `its certificate is from an unknown CA; ${CA_HINT}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `its certificate is from an unknown CA; ${CA_HINT}`,
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS; its address may begin with http://",
  HPE_HEADER_OVERFLOW: "the headers of its response are too large",
};

/** Why a request got no response, or a body did not come to its end: whether that may pass, and words for an operator. */
export function connectionFailure(error: unknown): {
  readonly kind: "unavailable" | "invalid";
  readonly words: string;
} {
  if (error instanceof PrivateAddressError)
    return {
      kind: "invalid",
      words: `leads to the private address ${error.message}, which is refused; upstream-private=allow permits it`,
    };
  if (error instanceof UnusableCaError) return { kind: "invalid", words: error.message };
  if (error instanceof ProxyError) return { kind: "unavailable", words: error.message };
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const words = WORDS[code];
  if (code.startsWith("HPE_")) return { kind: "invalid", words: words ?? "its response is no valid HTTP" };
  return { kind: "unavailable", words: words ?? `the connection failed (${code || "unknown cause"})` };
}
