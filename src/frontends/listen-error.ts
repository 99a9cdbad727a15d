import { formatListenAddress, type ListenAddress } from "../primitives/net/listen-address.ts";

/** An address that can't be listened on; the message is the one line that the operator sees. */
export class ListenError extends Error {
  constructor(what: string, address: ListenAddress, setting: string, cause: unknown) {
    const { code, message } = cause as { code?: string; message?: string };
    const reasons: Readonly<Record<string, string>> = {
      EADDRINUSE: "the port is in use by another program",
      EACCES: "ports below 1024 take a privileged user",
      EADDRNOTAVAIL: "the address is none of this machine's",
      ENOTFOUND: "the host name is not known",
    };
    const reason = reasons[code ?? ""] ?? message ?? String(cause);
    super(
      `can't listen on ${formatListenAddress(address)} for ${what}: ${reason}; --${setting} chooses another`,
    );
    this.name = "ListenError";
  }
}
