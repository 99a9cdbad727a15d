/** The names of the parameters of a path such as `/repositories/{repository}/-/tags/{tag}`. */
export type PathParameters<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? Name | PathParameters<Rest>
  : never;

export type PathValues<P extends string> = Readonly<Record<PathParameters<P>, string>>;

/** May contain slashes; `/-/` ends it, as no component of a name is `-`. */
const MANY_SEGMENTS = "repository";

/** A path with parameters, each of one segment. */
export class RoutePattern<P extends string> {
  readonly path: P;
  readonly #names: readonly string[];
  readonly #expression: RegExp;

  constructor(path: P) {
    this.path = path;
    this.#names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
    const source = path.replace(/[.]/g, "\\.").replace(/\{(\w+)\}/g, (_, name: string) =>
      // Lazy, so that the first `/-/` ends it.
      name === MANY_SEGMENTS ? "(.+?)" : "([^/]+)",
    );
    this.#expression = new RegExp(`^${source}$`);
  }

  /** The values of a percent-encoded path; `undefined` if it has another form. */
  match(path: string): PathValues<P> | undefined {
    const found = this.#expression.exec(path);
    if (!found) return undefined;
    try {
      const values = found.slice(1).map((value) => decodeURIComponent(value));
      const entries = this.#names.map((name, i) => [name, values[i] ?? ""]);
      return Object.fromEntries(entries) as PathValues<P>;
    } catch {
      // Not percent-encoded UTF-8.
      return undefined;
    }
  }
}
