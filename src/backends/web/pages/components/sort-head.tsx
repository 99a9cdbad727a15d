import type { WebContext } from "../../requests/web-context.ts";

interface SortHeadProps<S extends string> {
  readonly context: WebContext;
  /** The page's path. */
  readonly path: string;
  readonly sort: S;
  readonly text: string;
  readonly current: { readonly sort: S; readonly descending: boolean };
  /** Whether a first press sorts the largest first. */
  readonly startsDescending?: boolean;
  readonly class?: string;
}

/** The head of a column that sorts the list; another press turns the order round. */
export function SortHead<S extends string>({
  context,
  path,
  sort,
  text,
  current,
  startsDescending = false,
  class: name,
}: SortHeadProps<S>) {
  const isCurrent = current.sort === sort;
  const descending = isCurrent ? !current.descending : startsDescending;
  const order = current.descending ? "descending" : "ascending";
  const search = context.query.get("text") ?? undefined;
  return (
    <th scope="col" class={name} aria-sort={isCurrent ? order : "none"}>
      <a href={context.links.to(path, { text: search, sort, descending: descending || undefined })}>
        {text}
        {isCurrent && <span aria-hidden="true">{current.descending ? " ↓" : " ↑"}</span>}
      </a>
    </th>
  );
}
