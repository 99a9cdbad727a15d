import type { ListenAddress } from "../primitives/net/listen-address.ts";
import { ListenError } from "./listen-error.ts";

/** Throws `ListenError` if another program listens on the address, or listening on it is impossible. */
export function refuseTakenPort(what: string, listen: ListenAddress, setting: string): void {
  if (listen.port === 0) return;
  try {
    Bun.listen({ ...listen, exclusive: true, socket: { data: () => undefined } }).stop(true);
  } catch (error) {
    throw new ListenError(what, listen, setting, error);
  }
}
