import { formatListenAddress, type ListenAddress } from "../../../primitives/net/listen-address.ts";
import { loopbackNames } from "../../../primitives/net/vhost.ts";

/** The warning if other machines can connect, but each registry has only hosts of the loopback interface. */
export function unreachableHostsWarning(
  addresses: readonly ListenAddress[],
  hosts: readonly string[],
): string | undefined {
  const open = addresses.find(({ hostname }) => !isLoopback(hostname));
  const isOnlyLocal = hosts.length > 0 && hosts.every((host) => loopbackNames(host).length > 0);
  if (!open || !isOnlyLocal) return undefined;
  return `HTTP listens on ${formatListenAddress(open)}, but registries have only the host ${hosts.join(", ")}, so clients on other machines find none; add the name that they use with --backend-oci-http-vhost <host>, or '*' for any name`;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
