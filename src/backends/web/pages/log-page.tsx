import { Type } from "typebox";
import { EVENT_KINDS, type LogPage } from "../../oci-http/operations/log-page.ts";
import { parsedQuery } from "../api/api-route.ts";
import { findEvents, LOG_QUERY, type LogQuery, REPOSITORY_LOG_QUERY } from "../api/log.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { InContext, WebContext } from "../requests/web-context.ts";
import { LogTable } from "./components/log-table.tsx";
import { PageHead } from "./components/page-head.tsx";
import { RepositoryTabs } from "./components/repository-tabs.tsx";
import type { Page } from "./page.ts";

const AT = { at: Type.Optional(Type.String()) };
const ALL_QUERY = Type.Object({ ...LOG_QUERY, ...AT }, { additionalProperties: false });
const ONE_QUERY = Type.Object({ ...REPOSITORY_LOG_QUERY, ...AT }, { additionalProperties: false });
const SHOWN = 50;

/** `/log`: the commits of the registry. */
export const LOG_PAGE: Page = {
  pattern: new RoutePattern("/log"),
  isKept: true,
  async show(context) {
    const query = parsedQuery(ALL_QUERY, context.query);
    const found = await findEvents(context, { limit: SHOWN, ...query });
    return {
      title: "History",
      body: (
        <>
          <PageHead title="History">
            <a class="button" href={context.links.to("/compare")}>
              Compare two moments
            </a>
          </PageHead>
          <Filters context={context} path="/log" query={query} />
          <List context={context} path="/log" query={query} found={found} />
        </>
      ),
    };
  },
};

/** `/repositories/{repository}/-/log`: the commits of a repository. */
export const REPOSITORY_LOG_PAGE: Page = {
  pattern: new RoutePattern("/repositories/{repository}/-/log"),
  isKept: true,
  async show(context, { repository = "" }) {
    const query = parsedQuery(ONE_QUERY, context.query);
    const found = await findEvents(context, { limit: SHOWN, ...query, repository });
    const path = `/repositories/${repository}/-/log`;
    return {
      title: `History of ${repository}`,
      body: (
        <>
          <PageHead title={repository} crumbs={[{ text: "Repositories", href: context.links.to("/") }]}>
            <a class="button" href={context.links.to("/compare", { repository })}>
              Compare two moments
            </a>
          </PageHead>
          <RepositoryTabs context={context} repository={repository} current="history" />
          <Filters context={context} path={path} query={query} isOfRepository />
          <List context={context} path={path} query={query} found={found} />
        </>
      ),
    };
  },
};

interface WithQuery extends InContext {
  readonly path: string;
  readonly query: LogQuery;
}

/** The filters of the list; each is a part of the address. */
function Filters({
  context,
  path,
  query,
  isOfRepository,
}: WithQuery & { readonly isOfRepository?: boolean }) {
  const isFiltered = hasFilter(context);
  return (
    <search>
      <form method="get" action={context.links.now(path)} class="filters">
        {context.at && <input type="hidden" name="at" value={context.at.text} />}
        <Field name="user" text="Who" value={query.user} placeholder="alice" />
        <label>
          What
          <select name="kind">
            <option value="">everything</option>
            {EVENT_KINDS.map((kind) => (
              <option key={kind} value={kind} selected={kind === query.kind}>
                {kind}
              </option>
            ))}
          </select>
        </label>
        {!isOfRepository && (
          <Field name="repository" text="Repository" value={query.repository} placeholder="team/app" />
        )}
        <Field name="tag" text="Tag" value={query.tag} placeholder="prod" />
        <Field name="since" text="Since" value={query.since} placeholder="3d or 2026-01-31" />
        <Field name="until" text="Until" value={query.until} placeholder="2h or 2026-01-31" />
        <Field name="client" text="Client" value={query.client} placeholder="podman" />
        <div class="row">
          <button type="submit">Filter</button>
          {isFiltered && <a href={context.links.to(path)}>Show all</a>}
        </div>
      </form>
    </search>
  );
}

interface FieldProps {
  readonly name: string;
  readonly text: string;
  readonly value: string | undefined;
  readonly placeholder: string;
}

function Field({ name, text, value, placeholder }: FieldProps) {
  return (
    <label>
      {text}
      <input name={name} value={value ?? ""} placeholder={placeholder} autoComplete="off" size={12} />
    </label>
  );
}

function hasFilter({ query }: WebContext): boolean {
  return [...query].some(([name, value]) => value !== "" && !["at", "cursor", "limit"].includes(name));
}

function List({ context, path, query, found }: WithQuery & { readonly found: LogPage }) {
  const { entries, older, newer, isComplete } = found;
  const page = (cursor: string) => context.links.to(path, { ...query, cursor });
  return (
    <section id="list" class="section" aria-label="Commits">
      {entries.length > 0 ? (
        <LogTable context={context} entries={entries} />
      ) : (
        <p class="empty">{emptyText(context, isComplete)}</p>
      )}
      <nav class="row small" aria-label="Pages">
        {newer !== undefined && (
          <a href={page(newer)} rel="prev">
            Newer
          </a>
        )}
        {older !== undefined && (
          <a href={page(older)} rel="next">
            {isComplete ? "Older" : "Search on in older commits"}
          </a>
        )}
      </nav>
    </section>
  );
}

function emptyText(context: WebContext, isComplete: boolean): string {
  if (!isComplete) return "None of the commits that were looked at matches.";
  if (hasFilter(context)) return "No commit matches these filters.";
  const moment = context.at ? " at that time" : " yet";
  return `There was no commit${moment} that you may see. Each push and each deletion makes one.`;
}
