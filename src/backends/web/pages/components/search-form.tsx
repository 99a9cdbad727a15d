import type { InContext } from "../../requests/web-context.ts";

interface SearchFormProps extends InContext {
  /** The page's path. */
  readonly path: string;
  readonly label: string;
  readonly query: {
    readonly text?: string | undefined;
    readonly sort?: string | undefined;
    readonly descending?: boolean | undefined;
  };
}

/** Searches the list with the id `list`, while its reader types or by a press of Enter. */
export function SearchForm({ context, path, label, query }: SearchFormProps) {
  return (
    <search>
      <form method="get" action={context.links.now(path)} data-live="list">
        {context.at && <input type="hidden" name="at" value={context.at.text} />}
        {query.sort !== undefined && <input type="hidden" name="sort" value={query.sort} />}
        {query.descending && <input type="hidden" name="descending" value="true" />}
        <label>
          <span class="unseen">{label}</span>
          <input type="search" name="text" placeholder={label} value={query.text ?? ""} />
        </label>
      </form>
    </search>
  );
}
