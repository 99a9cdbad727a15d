import type { Digest } from "../../../primitives/digest.ts";

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Addresses of pages and of the API, below the path prefix; each keeps the past moment that is looked at. */
export class Links {
  /** The path prefix: empty, or `/` and more. */
  readonly #root: string;
  readonly #at: string | undefined;

  constructor(base: string, at: string | undefined) {
    const path = URL.parse(base)?.pathname ?? "/";
    this.#root = path === "/" ? "" : path;
    this.#at = at;
  }

  /** A page or a route of the API; `path` begins with `/` and is percent-encoded. */
  to(path: string, query: Query = {}): string {
    return this.#address(path, { at: this.#at, ...query });
  }

  /** The page as of now. */
  now(path: string, query: Query = {}): string {
    return this.#address(path, query);
  }

  repository(repository: string, rest = "", query: Query = {}): string {
    return this.to(`/repositories/${repository}${rest}`, query);
  }

  tag(repository: string, tag: string, query: Query = {}): string {
    return this.repository(repository, `/-/tags/${tag}`, query);
  }

  manifest(repository: string, digest: Digest, query: Query = {}): string {
    return this.repository(repository, `/-/manifests/${digest}`, query);
  }

  /** A location that one of these methods returned, as the HTTP frontend expects it: it adds the path prefix to every Location. */
  belowRoot(location: string): string {
    return location.slice(this.#root.length);
  }

  #address(path: string, query: Query): string {
    const given = new URLSearchParams();
    for (const [name, value] of Object.entries(query))
      if (value !== undefined && value !== "" && value !== false) given.set(name, String(value));
    const text = given.toString();
    return `${this.#root}${path}${text && `?${text}`}`;
  }
}
