/** The address that a frontend listens on; with port 0, the kernel chooses the port. */
export interface ListenAddress {
  readonly hostname: string;
  readonly port: number;
}

const MAX_PORT = 65_535;

/** Parses `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, bracketed, plain, port] =
    text.match(/^(?:\[([0-9a-fA-F:.]+)\]|([a-zA-Z0-9.-]+)):(\d{1,5})$/) ?? [];
  const hostname = bracketed ?? plain;
  if (hostname === undefined || port === undefined || Number(port) > MAX_PORT) return undefined;
  return { hostname, port: Number(port) };
}

/** What to write in place of a text that is not an address; `undefined` if that can't be told. */
export function listenAddressAdvice(text: string): string | undefined {
  const [, port] = text.match(/^:?(\d{1,5})$/) ?? [];
  const [, last] = text.match(/(?:^|:)(\d{5,})$/) ?? [];
  if (last !== undefined && Number(last) > MAX_PORT) return `a port is ${MAX_PORT} or less`;
  if (port !== undefined)
    return `write 127.0.0.1:${port} for this machine alone, or 0.0.0.0:${port} for every network`;
  const [, scheme, rest] = text.match(/^([a-z]+:\/\/)([^/]+)\/?$/i) ?? [];
  if (scheme !== undefined && rest !== undefined && parseListenAddress(rest))
    return `write ${rest} without ${scheme}`;
  return /^(?:[a-zA-Z0-9.-]+|\[[0-9a-fA-F:.]+\])$/.test(text) ? `add a port: ${text}:<port>` : undefined;
}

export function formatListenAddress({ hostname, port }: ListenAddress): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
