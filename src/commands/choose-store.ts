import { UsageError } from "../config/settings.ts";
import { parseStoreName, type StoreName } from "../primitives/store/store-manager.ts";

/** The stores that a command line means: the one that it names, or all. Throws `UsageError`. */
export function chooseStores(
  existing: readonly StoreName[],
  wanted: string | undefined,
): readonly StoreName[] {
  const stores = existing.toSorted();
  return wanted === undefined ? stores : [chooseStore(stores, wanted)];
}

/** Throws `UsageError` if there is no such store. */
export function chooseStore(existing: readonly StoreName[], wanted: string): StoreName {
  const name = parseStoreName(wanted);
  if (name && existing.includes(name)) return name;
  throw new UsageError(
    `there is no store '${wanted}'; there are ${existing.toSorted().join(", ") || "none"}`,
  );
}
