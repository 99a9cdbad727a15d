import { WEB_FOLDERS } from "../../../backends/web/requests/web-calls.ts";

const MAX_LENGTH = 200;
/** RFC 3986, section 2.3: characters that have one spelling. */
const PREFIX = /^(?:\/[A-Za-z0-9._~-]+)+$/;
/** Paths below these are Everlock's own. */
const RESERVED: readonly string[] = ["v2", "token", ...WEB_FOLDERS];

/** Parses a prefix such as `/registry` or `/infra/registry`. */
export function parsePathPrefix(text: string): string | undefined {
  if (!PREFIX.test(text) || text.length > MAX_LENGTH) return undefined;
  const [, first = "", ...others] = text.split("/");
  const hasDots = [first, ...others].some((segment) => segment === "." || segment === "..");
  return hasDots || RESERVED.includes(first) ? undefined : text;
}

/** The path below which clients reach the registries through a proxy, as in `https://example.org/registry/v2/`. */
export class PathPrefix {
  readonly #prefix: string;

  /** `prefix` is one that `parsePathPrefix` returned. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The path below the prefix. A path without it stays: a proxy may strip it, and docker asks at the root of a host. */
  strip(path: string): string {
    if (path === this.#prefix) return "/";
    return path.startsWith(`${this.#prefix}/`) ? path.slice(this.#prefix.length) : path;
  }

  /** Adds the prefix to the paths in response headers that lead the client to its next request. */
  add(headers: Headers): void {
    const location = headers.get("Location");
    if (location?.startsWith("/")) headers.set("Location", `${this.#prefix}${location}`);
    const link = headers.get("Link");
    if (link?.startsWith("</")) headers.set("Link", `<${this.#prefix}${link.slice(1)}`);
  }
}
