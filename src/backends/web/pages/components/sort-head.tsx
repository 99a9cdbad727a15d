import type { ComponentChildren } from "preact";
import type { WebContext } from "../../requests/web-context.ts";

interface SortLinkProps<S extends string> {
  readonly context: WebContext;
  /** The page's path. */
  readonly path: string;
  readonly sort: S;
  readonly text: string;
  readonly current: { readonly sort: S; readonly descending: boolean };
  /** Whether a first press sorts the largest first. */
  readonly startsDescending?: boolean;
}

interface SortHeadProps<S extends string> extends SortLinkProps<S> {
  readonly class?: string;
  /** A second order of the same column. */
  readonly children?: ComponentChildren;
}

/** The head of a column that sorts the list; another press turns the order round. */
export function SortHead<S extends string>({ class: name, children, ...link }: SortHeadProps<S>) {
  const { current, sort } = link;
  const order = current.descending ? "descending" : "ascending";
  return (
    <th scope="col" class={name} aria-sort={current.sort === sort ? order : "none"}>
      <SortLink {...link} />
      {children}
    </th>
  );
}

export function SortLink<S extends string>({
  context,
  path,
  sort,
  text,
  current,
  startsDescending = false,
}: SortLinkProps<S>) {
  const isCurrent = current.sort === sort;
  const descending = isCurrent ? !current.descending : startsDescending;
  const search = context.query.get("text") ?? undefined;
  return (
    <a href={context.links.to(path, { text: search, sort, descending: descending || undefined })}>
      {text}
      {isCurrent && <span aria-hidden="true">{current.descending ? " ↓" : " ↑"}</span>}
    </a>
  );
}
