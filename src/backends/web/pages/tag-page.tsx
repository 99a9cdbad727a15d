import { findReferrers, manifestDetails } from "../api/manifests.ts";
import { repositoryIn, tagIn } from "../api/path-values.ts";
import { findTag, findTags } from "../api/tags.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import { TagActions } from "./components/change-actions.tsx";
import { CompareForm } from "./components/compare-form.tsx";
import { crumbsOf, type InRepository } from "./components/crumbs.ts";
import { ManifestFacts } from "./components/manifest-facts.tsx";
import { ManifestView } from "./components/manifest-view.tsx";
import { PageHead } from "./components/page-head.tsx";
import { PullCommands } from "./components/pull-commands.tsx";
import { isAttachedTag } from "./components/tag-text.tsx";
import type { Page } from "./page.ts";

/** Tags that are offered for a comparison. */
const OFFERED = 20;

/** `/repositories/<name>/-/tags/<tag>`: a tag, and what it names. */
export const TAG_PAGE: Page = {
  pattern: new RoutePattern("/repositories/{repository}/-/tags/{tag}"),
  isKept: true,
  async show(context, path) {
    const repository = repositoryIn(path["repository"]);
    const tag = await findTag(context, repository, tagIn(path["tag"]));
    const title = `${repository}:${tag.tag}`;
    // A tag that stock git has set may name what is not there.
    if (tag.mediaType === undefined)
      return {
        title,
        body: <Missing context={context} repository={repository} tag={tag.tag} digest={tag.digest} />,
      };
    const details = await manifestDetails(context, repository, tag.digest);
    const { entries, next } = await findReferrers(context, repository, { digest: tag.digest });
    const known = await findTags(context, repository, { limit: OFFERED });
    const others = known.entries.filter((other) => other.tag !== tag.tag && !isAttachedTag(other.tag));
    const different = others.find(({ digest }) => digest !== tag.digest) ?? others[0];
    const { links } = context;
    return {
      title,
      body: (
        <>
          <Head context={context} repository={repository} tag={tag.tag} />
          <ManifestFacts context={context} repository={repository} details={details} tag={tag} />
          <PullCommands
            context={context}
            repository={repository}
            reference={{ tag: tag.tag }}
            kind={details.name.kind}
          />
          <ManifestView
            context={context}
            repository={repository}
            details={details}
            attached={entries}
            moreAttached={next && links.manifest(repository, tag.digest, { cursor: next })}
          />
          <section class="section" aria-labelledby="difference">
            <h2 id="difference">Difference to another tag</h2>
            <CompareForm
              context={context}
              repository={repository}
              from={different?.tag}
              to={tag.tag}
              tags={others.map((other) => other.tag)}
            />
          </section>
        </>
      ),
    };
  },
};

/** What can be done with a tag, also if what it names is not there. */
function Head({ tag, ...place }: InRepository & { readonly tag: string }) {
  const { context, repository } = place;
  return (
    <PageHead title={tag} crumbs={crumbsOf(place)}>
      <div class="row">
        <a class="button" href={context.links.repository(repository, `/-/tags/${tag}/moves`)}>
          History of this tag
        </a>
        <TagActions {...place} tag={tag} />
      </div>
    </PageHead>
  );
}

function Missing({
  tag,
  digest,
  ...place
}: InRepository & { readonly tag: string; readonly digest: string }) {
  return (
    <>
      <Head {...place} tag={tag} />
      <p class="notice">
        This tag names the manifest <code>{digest}</code>, which this repository does not hold. A new push of
        the tag heals it.
      </p>
    </>
  );
}
