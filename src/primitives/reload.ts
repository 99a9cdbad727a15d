/** Applies a checked configuration; returns a description of the changes, or `undefined` if there are none. It can't fail. */
export type TakeOver = () => string | undefined;

/** A part of the configuration that is versioned in a store. */
export interface Reloadable {
  /**
   * Reads and checks the committed configuration and passes `then` the function that applies it. No other change of this part
   * runs until `then` is done. Rejects before `then` if the committed configuration is invalid.
   */
  prepareReload<T>(then: (takeOver: TakeOver) => Promise<T>): Promise<T>;
}

/** Reads and checks all parts first, then applies all or none. Resolves with the changes, a line for each part. */
export function reloadTogether(parts: readonly Reloadable[]): Promise<string[]> {
  const after = async (rest: readonly Reloadable[], ready: readonly TakeOver[]): Promise<string[]> => {
    const [next, ...others] = rest;
    if (!next) return ready.flatMap((takeOver) => takeOver() ?? []);
    return next.prepareReload((takeOver) => after(others, [...ready, takeOver]));
  };
  return after(parts, []);
}

/** Maximal number of names in one line. */
const MAX_NAMED = 20;

/** The differences of two states by name, such as `users: added bob; changed alice, carol`; `undefined` if none. */
export function describeChanges(
  what: string,
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): string | undefined {
  const [known, now] = [[...before.keys()], [...after.keys()]];
  const kinds = {
    added: now.filter((name) => !before.has(name)),
    changed: now.filter((name) => before.has(name) && !Bun.deepEquals(before.get(name), after.get(name))),
    removed: known.filter((name) => !after.has(name)),
  };
  const parts = Object.entries(kinds).flatMap(([verb, names]) => {
    if (names.length === 0) return [];
    const shown = names.toSorted().slice(0, MAX_NAMED).join(", ");
    const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : "";
    return [`${verb} ${shown}${more}`];
  });
  return parts.length > 0 ? `${what}: ${parts.join("; ")}` : undefined;
}
