/** The names of the parameters of a path such as `/repositories/{repository}/-/tags/{tag}`. */
export type PathParameters<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? Name | PathParameters<Rest>
  : never;

export type PathValues<P extends string> = Readonly<Record<PathParameters<P>, string>>;

/** Its value has one or more segments. */
const REPOSITORY = "{repository}";
/** Ends a repository, as no component of a name is `-`. */
const SEPARATOR = "-";

/** A path with parameters, each of one segment but for `{repository}`. */
export class RoutePattern<P extends string> {
  readonly path: P;
  readonly #segments: readonly string[];

  constructor(path: P) {
    this.path = path;
    this.#segments = path.split("/");
  }

  /** The values of a percent-encoded path; `undefined` if it has another form. */
  match(path: string): PathValues<P> | undefined {
    const given = path.split("/");
    const values: Record<string, string> = {};
    let at = 0;
    for (const expected of this.#segments) {
      const length = expected === REPOSITORY ? repositoryLength(given, at) : 1;
      const text = decoded(given.slice(at, at + length).join("/"));
      at += length;
      if (text === undefined || at > given.length) return undefined;
      if (!expected.startsWith("{")) {
        if (text !== expected) return undefined;
      } else if (text === "") return undefined;
      else values[expected.slice(1, -1)] = text;
    }
    return at === given.length ? (values as PathValues<P>) : undefined;
  }
}

/** The number of segments up to the separator. */
function repositoryLength(segments: readonly string[], from: number): number {
  const end = segments.indexOf(SEPARATOR, from);
  return Math.max((end < 0 ? segments.length : end) - from, 1);
}

/** `undefined` if a text is not percent-encoded UTF-8. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
