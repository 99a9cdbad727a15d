/** How clients name the registry of a page in commands. */
export interface PullHost {
  /** With the port. */
  readonly host: string;
  /** Whether clients reach it without TLS, which most do only if they are told. */
  readonly isPlain: boolean;
  /** Whether the pages are below a path, where most clients can't look for a registry: they ask at the root of the host. */
  readonly isBelowPath: boolean;
}

/** `base`: scheme, host, port and path prefix as the browser used them. */
export function pullHost(base: string): PullHost {
  const { host, protocol, pathname } = new URL(base);
  return { host, isPlain: protocol === "http:", isBelowPath: pathname !== "/" };
}
