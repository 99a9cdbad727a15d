import { ExpectedError } from "../primitives/expected-error.ts";
import { formatListenAddress, type ListenAddress } from "../primitives/net/listen-address.ts";

/** Listening on an address failed; the message is the one line that the operator sees. */
export class ListenError extends ExpectedError {
  override readonly name = "ListenError";
  override readonly kind = "unusable";
  constructor(what: string, address: ListenAddress, setting: string, cause: unknown) {
    const { code, message } = cause as { code?: string; message?: string };
    const reasons: Readonly<Record<string, string>> = {
      EADDRINUSE: "the port is in use by another program",
      EACCES: "ports below 1024 require a privileged user",
      EADDRNOTAVAIL: "this machine does not have the address",
      ENOTFOUND: "the host name is unknown",
    };
    const reason = reasons[code ?? ""] ?? message ?? String(cause);
    super(
      `can't listen on ${formatListenAddress(address)} for ${what}: ${reason}; --${setting} chooses another`,
    );
  }
}
