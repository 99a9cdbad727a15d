import { Type } from "typebox";
import type { FoundPage } from "../../oci-http/operations/found-page.ts";
import type { FoundTag } from "../../oci-http/operations/search-tags.ts";
import { parsedQuery } from "../api/api-route.ts";
import { mayChange } from "../api/changes.ts";
import { repositoryIn } from "../api/path-values.ts";
import { repositoryDetails } from "../api/repository.ts";
import { findTags, TAGS_QUERY, type TagsQuery, tagOrder } from "../api/tags.ts";
import { pullHost } from "../requests/pull-host.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { InContext } from "../requests/web-context.ts";
import { RepositoryActions } from "./components/change-actions.tsx";
import { Copyable } from "./components/copyable.tsx";
import { DigestText } from "./components/digest-text.tsx";
import { PageHead } from "./components/page-head.tsx";
import { GrantList, RepositoryFacts } from "./components/repository-facts.tsx";
import { RepositoryTabs } from "./components/repository-tabs.tsx";
import { SearchForm } from "./components/search-form.tsx";
import { SelectAll } from "./components/select-all.tsx";
import { Size } from "./components/size.tsx";
import { SortHead, SortLink } from "./components/sort-head.tsx";
import { TagText } from "./components/tag-text.tsx";
import { PullTime, Time } from "./components/time.tsx";
import type { Page } from "./page.ts";

const QUERY = Type.Object({ ...TAGS_QUERY, at: Type.Optional(Type.String()) });

/** `/repositories/<name>`: the tags of a repository. */
export const REPOSITORY_PAGE: Page = {
  pattern: new RoutePattern("/repositories/{repository}"),
  isKept: true,
  async show(context, path) {
    const repository = repositoryIn(path["repository"]);
    const query = parsedQuery(QUERY, context.query);
    const details = await repositoryDetails(context, repository);
    const found = await findTags(context, repository, query);
    const isEmpty = found.entries.length === 0 && query.text === undefined && query.cursor === undefined;
    // What a past moment shows may be gone by now.
    const mayDelete = context.at === undefined && mayChange(context, repository).deletes;
    const shown = { context, repository, query, mayDelete };
    const mayPush = details.access.roles.includes("writer") && !details.isReadOnly;
    return {
      title: repository,
      body: (
        <>
          <PageHead title={repository} crumbs={[{ text: "Repositories", href: context.links.to("/") }]}>
            {!isEmpty && (
              <SearchForm context={context} path={pathOf(shown)} label="Search tags" query={query} />
            )}
            <RepositoryActions context={context} repository={repository} />
          </PageHead>
          <RepositoryTabs context={context} repository={repository} current="tags" />
          {isEmpty ? <Empty {...shown} mayPush={mayPush} /> : <List {...shown} found={found} />}
          <RepositoryFacts details={details} />
          <GrantList details={details} />
        </>
      ),
    };
  },
};

interface Shown extends InContext {
  readonly repository: string;
  readonly query: TagsQuery;
  readonly mayDelete: boolean;
}

function pathOf({ repository }: Pick<Shown, "repository">): string {
  return `/repositories/${repository}`;
}

function List({ found, ...shown }: Shown & { readonly found: FoundPage<FoundTag> }) {
  const { context, query } = shown;
  const { entries, next, total, isMeasured } = found;
  return (
    <section id="list" class="section" aria-label="Tags" aria-live="polite">
      {entries.length === 0 ? (
        <p class="empty">
          {query.text === undefined ? "There are no more tags." : `No tag has “${query.text}” in its name.`}
        </p>
      ) : (
        <div class="table">
          <table class="cards">
            <Heads {...shown} />
            <tbody>
              {entries.map((entry) => (
                <Row key={entry.tag} {...shown} entry={entry} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {shown.mayDelete && entries.length > 0 && <DeleteForm {...shown} />}
      <div class="row small soft">
        {total !== undefined && total > 0 && <span>{total.toLocaleString("en")} in all</span>}
        {!isMeasured && <span>The tags are being counted; until then they are sorted by name.</span>}
        {next !== undefined && (
          <a href={context.links.to(pathOf(shown), { ...query, cursor: next })} rel="next">
            Next page
          </a>
        )}
      </div>
    </section>
  );
}

/** The form of the check boxes. */
const DELETE_FORM = "delete-tags";

function DeleteForm({ context, repository }: Shown) {
  return (
    <form id={DELETE_FORM} method="post" action={context.links.now(`/repositories/${repository}/-/delete`)}>
      <button type="submit" class="quiet danger">
        Delete selected tags…
      </button>
    </form>
  );
}

function Heads(shown: Shown) {
  const { context, query } = shown;
  const head = { context, path: pathOf(shown), current: tagOrder(query) };
  // Of the past, sizes are not counted and pulls not known.
  const isNewest = context.at === undefined;
  return (
    <thead>
      <tr>
        {shown.mayDelete && (
          <th scope="col" class="check">
            <span class="unseen">Select</span>
            <SelectAll form={DELETE_FORM} />
          </th>
        )}
        <SortHead {...head} sort="name" text="Tag">
          {" · "}
          <SortLink {...head} sort="version" text="Version" startsDescending />
        </SortHead>
        <th scope="col">Digest</th>
        <th scope="col" class="wide">
          Platforms
        </th>
        {isNewest ? (
          <SortHead {...head} sort="size" text="Size" startsDescending class="number wide" />
        ) : (
          <th scope="col" class="number wide">
            Size
          </th>
        )}
        <SortHead {...head} sort="pushed" text="Last push" startsDescending />
        {isNewest && (
          <th scope="col" class="wide">
            Last pull
          </th>
        )}
      </tr>
    </thead>
  );
}

/** More platforms than this are counted. */
const MAX_PLATFORMS = 4;

function Row({ context, repository, mayDelete, entry }: Shown & { readonly entry: FoundTag }) {
  const { tag, digest, size, platforms, mediaType, pushed, by, pulled, isWriteOnce, expires } = entry;
  const more = platforms.length - MAX_PLATFORMS;
  return (
    <tr>
      {mayDelete && (
        <td class="check">
          <input type="checkbox" name="tag" value={tag} form={DELETE_FORM} aria-label={`Select ${tag}`} />
        </td>
      )}
      <th scope="row">
        <a href={context.links.tag(repository, tag)}>
          <TagText tag={tag} />
        </a>{" "}
        {isWriteOnce && (
          <span class="badge" title="No push can move this tag">
            write-once
          </span>
        )}{" "}
        {expires && (
          <span class="badge expires" title={`The next cleanup deletes this tag: ${expires.rule}`}>
            cleanup deletes it
          </span>
        )}{" "}
        {mediaType === undefined && <span class="badge">manifest missing</span>}
      </th>
      <td>
        <a href={context.links.manifest(repository, digest)}>
          <DigestText digest={digest} />
        </a>
      </td>
      <td class="wide small">
        {platforms.slice(0, MAX_PLATFORMS).join(", ")}
        {more > 0 && ` and ${more} more`}
      </td>
      <td class="number wide">
        <Size bytes={size} />
      </td>
      <td class="nowrap">
        {pushed && <Time date={pushed} />} {by !== undefined && <span class="soft wide">by {by}</span>}
      </td>
      {context.at === undefined && <td class="wide nowrap">{pulled && <PullTime date={pulled} />}</td>}
    </tr>
  );
}

/** Says what to type next. */
function Empty({ context, repository, mayPush }: Shown & { readonly mayPush: boolean }) {
  const { host, isPlain } = pullHost(context.request.base);
  const flag = isPlain ? " --tls-verify=false" : "";
  return (
    <div class="empty">
      <p>{context.at ? "This repository had no tags then." : "This repository has no tags."}</p>
      {mayPush && <p>Push an image to make one:</p>}
      {mayPush && <Copyable text={`podman push${flag} alpine ${host}/${repository}:latest`} />}
    </div>
  );
}
