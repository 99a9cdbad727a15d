import { Type } from "typebox";
import type { FoundTag } from "../../oci-http/operations/search-tags.ts";
import { formatCleanupRule } from "../../oci-http/policy/cleanup-rules.ts";
import { parsedQuery } from "../api/api-route.ts";
import { repositoryIn } from "../api/path-values.ts";
import { repositorySpaceOf } from "../api/space.ts";
import { findTags } from "../api/tags.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { InContext } from "../requests/web-context.ts";
import { PageHead } from "./components/page-head.tsx";
import { RepositoryTabs } from "./components/repository-tabs.tsx";
import { Size } from "./components/size.tsx";
import { Shares } from "./components/space/bars.tsx";
import { Growth, STEPS, type Step } from "./components/space/growth.tsx";
import type { Page } from "./page.ts";

const QUERY = Type.Object({
  step: Type.Optional(Type.Enum(Object.keys(STEPS) as Step[])),
  at: Type.Optional(Type.String()),
});
/** Tags that are listed. */
const LISTED = 20;

type RepositorySpace = Awaited<ReturnType<typeof repositorySpaceOf>>;

/** `/repositories/<name>/-/space`: what a repository takes. */
export const REPOSITORY_SPACE_PAGE: Page = {
  pattern: new RoutePattern("/repositories/{repository}/-/space"),
  async show(asked, path) {
    const context = { ...asked, at: undefined };
    const { step = "day" } = parsedQuery(QUERY, context.query);
    const repository = repositoryIn(path["repository"]);
    const space = await repositorySpaceOf(context, repository);
    const tags = await findTags(context, repository, { sort: "size", descending: true, limit: LISTED });
    return {
      title: `Space of ${repository}`,
      isTimeless: true,
      body: (
        <>
          <PageHead title={repository} crumbs={[{ text: "Repositories", href: context.links.to("/") }]} />
          <RepositoryTabs context={asked} repository={repository} current="space" />
          <Facts space={space} />
          <Growth
            context={context}
            path={`/repositories/${repository}/-/space`}
            days={space.days}
            step={step}
            note=""
          />
          {tags.entries.length > 0 && (
            <LargestTags context={context} repository={repository} tags={tags.entries} />
          )}
        </>
      ),
    };
  },
};

function Facts({ space: { size, usage, tags, cleanup } }: { readonly space: RepositorySpace }) {
  return (
    <dl class="facts">
      <dt>Size</dt>
      <dd>{size === undefined ? "still being measured" : <Size bytes={size} />}</dd>
      {usage && (
        <>
          <dt>Own</dt>
          <dd>
            <Size bytes={usage.ownBytes + usage.manifestBytes} /> of blobs that no other repository names
          </dd>
          <dt>Shared</dt>
          <dd>
            <Size bytes={usage.sharedBytes} />
          </dd>
        </>
      )}
      {tags !== undefined && (
        <>
          <dt>Tags</dt>
          <dd>{tags.toLocaleString("en")}</dd>
        </>
      )}
      <dt>Clean-up rule</dt>
      <dd>{cleanup ? <code>{formatCleanupRule(cleanup)}</code> : "none"}</dd>
    </dl>
  );
}

interface LargestTagsProps extends InContext {
  readonly repository: string;
  readonly tags: readonly FoundTag[];
}

function LargestTags({ context, repository, tags }: LargestTagsProps) {
  const most = Math.max(...tags.map(({ size }) => size));
  const anyExpires = tags.some(({ expires }) => expires);
  return (
    <section class="section" aria-labelledby="largest">
      <h2 id="largest">Largest tags</h2>
      <div class="table">
        <table>
          <thead>
            <tr>
              <th scope="col">Tag</th>
              <th scope="col" class="wide bar">
                <span class="unseen">As a bar</span>
              </th>
              <th scope="col" class="number">
                Size
              </th>
              {anyExpires && <th scope="col">Next clean-up</th>}
            </tr>
          </thead>
          <tbody>
            {tags.map(({ tag, size, expires }) => (
              <tr key={tag}>
                <th scope="row">
                  <a href={context.links.now(`/repositories/${repository}/-/tags/${tag}`)}>{tag}</a>
                </th>
                <td class="wide bar">
                  <Shares label={`Size of ${tag}`} most={most} parts={[{ bytes: size, mark: "mark-1" }]} />
                </td>
                <td class="number">
                  <Size bytes={size} />
                </td>
                {anyExpires && <td>{expires && "deletes it"}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
