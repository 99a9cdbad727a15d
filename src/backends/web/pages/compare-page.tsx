import { Type } from "typebox";
import type { ComparedPage } from "../../oci-http/operations/compare.ts";
import { parsedQuery } from "../api/api-route.ts";
import { COMPARE_QUERY, compare } from "../api/past.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { InContext } from "../requests/web-context.ts";
import { ChangeTable } from "./components/change-table.tsx";
import { PageHead } from "./components/page-head.tsx";
import type { Page } from "./page.ts";

const PATH = "/compare";
const QUERY = Type.Object(
  { ...COMPARE_QUERY, from: Type.Optional(COMPARE_QUERY.from), at: Type.Optional(Type.String()) },
  { additionalProperties: false },
);

interface Query {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly repository?: string | undefined;
}

/** `/compare`: the tags that differ between two moments. */
export const COMPARE_PAGE: Page = {
  pattern: new RoutePattern(PATH),
  isKept: true,
  async show(context) {
    const { at, ...query } = parsedQuery(QUERY, context.query);
    const { from } = query;
    const found = from === undefined ? undefined : await compare(context, { ...query, from });
    const asked = { ...query, to: query.to ?? at };
    return {
      title: "Compare two moments",
      isTimeless: true,
      body: (
        <>
          <PageHead
            title="Compare two moments"
            crumbs={[{ text: "History", href: context.links.to("/log") }]}
          />
          <Moments context={context} query={asked} />
          {found ? (
            <List context={context} query={asked} found={found} />
          ) : (
            <p class="empty">
              Type two moments to see which tags were added, moved and deleted between them. A moment is an
              age such as 2h, yesterday, a time such as 2026-01-31 12:00 (UTC), or a commit.
            </p>
          )}
        </>
      ),
    };
  },
};

type WithQuery = InContext & { readonly query: Query };

function Moments({ context, query }: WithQuery) {
  return (
    <form method="get" action={context.links.now(PATH)} class="filters">
      <label>
        From
        <input name="from" value={query.from ?? ""} placeholder="yesterday" required autoComplete="off" />
      </label>
      <label>
        To
        <input name="to" value={query.to ?? ""} placeholder="now" autoComplete="off" />
      </label>
      <label>
        Repository
        <input name="repository" value={query.repository ?? ""} placeholder="all" autoComplete="off" />
      </label>
      <div class="row">
        <button type="submit">Compare</button>
      </div>
    </form>
  );
}

function List({ context, query, found }: WithQuery & { readonly found: ComparedPage }) {
  const { entries, next } = found;
  return (
    <section class="section" aria-label="Differences">
      {entries.length === 0 ? (
        <p class="empty">No tag differs between the two moments.</p>
      ) : (
        <ChangeTable context={context} changes={entries} then={query.from} now={query.to} />
      )}
      {next !== undefined && (
        <nav class="row small" aria-label="Pages">
          <a href={context.links.now(PATH, { ...query, cursor: next })} rel="next">
            Next page
          </a>
        </nav>
      )}
    </section>
  );
}
