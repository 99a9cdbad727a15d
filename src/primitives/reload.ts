/** Takes over what was read and checked, and answers in words what that changed; `undefined` if nothing. It can't fail. */
export type TakeOver = () => string | undefined;

/** A part of the configuration that is committed to a store. */
export interface Reloadable {
  /**
   * Reads and checks what is committed and hands `then` what takes it over; nobody changes that part until `then` has
   * ended. Rejects, before `then`, where what is committed makes no sense.
   */
  prepareReload<T>(then: (takeOver: TakeOver) => Promise<T>): Promise<T>;
}

/** Reads and checks all parts first, and then takes over all of them or none. Answers what changed, a line for each part. */
export function reloadTogether(parts: readonly Reloadable[]): Promise<string[]> {
  const after = async (rest: readonly Reloadable[], ready: readonly TakeOver[]): Promise<string[]> => {
    const [next, ...others] = rest;
    if (!next) return ready.flatMap((takeOver) => takeOver() ?? []);
    return next.prepareReload((takeOver) => after(others, [...ready, takeOver]));
  };
  return after(parts, []);
}

/** Names that one line holds. */
const MAX_NAMED = 20;

/** What differs between two states, by name, such as `users: added bob; changed alice, carol`; `undefined` if nothing. */
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
