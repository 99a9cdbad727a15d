import type { WebContext } from "../../requests/web-context.ts";

/** Positions in a list of one moment have no meaning in another. */
const OF_ONE_MOMENT = new Set(["at", "cursor"]);

/** The query of a page for another moment. */
export function queryKept({ query }: Pick<WebContext, "query">): Readonly<Record<string, string>> {
  const kept = [...query].filter(([name, value]) => value !== "" && !OF_ONE_MOMENT.has(name));
  // Sizes of the past are not known.
  const isBySize = query.get("sort") === "size";
  return Object.fromEntries(
    kept.filter(([name]) => !(isBySize && (name === "sort" || name === "descending"))),
  );
}
