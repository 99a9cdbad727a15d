import { Type } from "typebox";
import type { FoundPage } from "../../oci-http/operations/found-page.ts";
import type { FoundRepository } from "../../oci-http/operations/search-repositories.ts";
import { parsedQuery } from "../api/api-route.ts";
import { findRepositories, REPOSITORIES_QUERY, type RepositoriesQuery } from "../api/repositories.ts";
import { pullHost } from "../requests/pull-host.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { InContext } from "../requests/web-context.ts";
import { RegistryActions } from "./components/change-actions.tsx";
import { Copyable } from "./components/copyable.tsx";
import { PageHead } from "./components/page-head.tsx";
import { SearchForm } from "./components/search-form.tsx";
import { Size } from "./components/size.tsx";
import { SortHead } from "./components/sort-head.tsx";
import { Time } from "./components/time.tsx";
import type { Page } from "./page.ts";

const PATH = "/";
const QUERY = Type.Object({ ...REPOSITORIES_QUERY, at: Type.Optional(Type.String()) });

/** `/`: the repositories. */
export const REPOSITORIES_PAGE: Page = {
  pattern: new RoutePattern(PATH),
  isKept: true,
  async show(context) {
    const query = parsedQuery(QUERY, context.query);
    const found = await findRepositories(context, query);
    const isEmpty = found.entries.length === 0 && query.text === undefined && query.cursor === undefined;
    return {
      title: "Repositories",
      body: (
        <>
          <PageHead title="Repositories">
            {!isEmpty && (
              <SearchForm context={context} path={PATH} label="Search repositories" query={query} />
            )}
            <RegistryActions context={context} />
          </PageHead>
          {isEmpty ? <Empty context={context} /> : <List context={context} query={query} found={found} />}
        </>
      ),
    };
  },
};

interface WithQuery extends InContext {
  readonly query: RepositoriesQuery;
}

function List({ context, query, found }: WithQuery & { readonly found: FoundPage<FoundRepository> }) {
  const { entries, next, total } = found;
  const current = { sort: query.sort ?? "name", descending: query.descending ?? false };
  const head = { context, path: PATH, current };
  return (
    <section id="list" class="section" aria-label="Repositories" aria-live="polite">
      {entries.length === 0 ? (
        <p class="empty">No repository has “{query.text}” in its name.</p>
      ) : (
        <div class="table">
          <table>
            <thead>
              <tr>
                <SortHead {...head} sort="name" text="Name" />
                <SortHead {...head} sort="tags" text="Tags" startsDescending class="number" />
                <SortHead {...head} sort="size" text="Size" startsDescending class="number wide" />
                <SortHead {...head} sort="pushed" text="Last push" startsDescending />
              </tr>
            </thead>
            <tbody>
              {entries.map((entry) => (
                <Row key={entry.repository} context={context} entry={entry} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div class="row small soft">
        {total !== undefined && total > 0 && <span>{total.toLocaleString("en")} in all</span>}
        {next !== undefined && (
          <a href={context.links.to(PATH, { ...query, cursor: next })} rel="next">
            Next page
          </a>
        )}
      </div>
    </section>
  );
}

function Row({ context, entry }: InContext & { readonly entry: FoundRepository }) {
  const { repository, tags, size, pushed, by, isPublic } = entry;
  return (
    <tr>
      <th scope="row">
        <a href={context.links.repository(repository)}>{repository}</a>{" "}
        {isPublic && <span class="badge">public</span>}
      </th>
      <td class="number">{tags.toLocaleString("en")}</td>
      <td class="number wide">{size !== undefined && <Size bytes={size} />}</td>
      <td>
        {pushed && <Time date={pushed} />} {by !== undefined && <span class="soft wide">by {by}</span>}
      </td>
    </tr>
  );
}

/** Says what to type next. */
function Empty({ context }: InContext) {
  if (context.at)
    return <p class="empty">The registry was empty then, as far as you may see: it had no repository.</p>;
  const { host, isPlain } = pullHost(context.request.base);
  const flag = isPlain ? " --tls-verify=false" : "";
  return (
    <div class="empty">
      <p>There is no repository here that you may read.</p>
      <p>Push an image to make one:</p>
      <Copyable text={`podman login${flag} ${host}`} />
      <Copyable text={`podman push${flag} alpine ${host}/alpine:latest`} />
    </div>
  );
}
