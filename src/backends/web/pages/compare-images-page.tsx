import { Type } from "typebox";
import { nameOf } from "../../../registry/model/tag.ts";
import type { ComparedSide, ImageComparison } from "../../oci-http/operations/images/compare-images.ts";
import { parsedQuery } from "../api/api-route.ts";
import { COMPARE_QUERY, imageComparison } from "../api/compare-images.ts";
import { repositoryIn } from "../api/path-values.ts";
import { findTags } from "../api/tags.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import { CompareForm } from "./components/compare-form.tsx";
import { ConfigChanges } from "./components/config-changes.tsx";
import { crumbsOf, type InRepository } from "./components/crumbs.ts";
import { DigestText } from "./components/digest-text.tsx";
import { LayerChanges } from "./components/layer-changes.tsx";
import { PageHead } from "./components/page-head.tsx";
import { Size } from "./components/size.tsx";
import { isAttachedTag } from "./components/tag-text.tsx";
import type { Page } from "./page.ts";

const QUERY = Type.Object({
  ...Type.Partial(Type.Object(COMPARE_QUERY)).properties,
  at: Type.Optional(Type.String()),
});
/** Tags that are offered. */
const OFFERED = 20;

/** `/repositories/<name>/-/compare?from=…&to=…`: the difference between two tags. */
export const COMPARE_IMAGES_PAGE: Page = {
  pattern: new RoutePattern("/repositories/{repository}/-/compare"),
  isKept: true,
  async show(context, path) {
    const repository = repositoryIn(path["repository"]);
    const { from, to, platform } = parsedQuery(QUERY, context.query);
    const known = await findTags(context, repository, { limit: OFFERED });
    const compared =
      from && to
        ? await imageComparison(context, repository, { from, to, ...(platform && { platform }) })
        : undefined;
    return {
      title: compared ? `${from} and ${to} · ${repository}` : `Compare · ${repository}`,
      body: (
        <>
          <PageHead title="Difference of two tags" crumbs={crumbsOf({ context, repository })} />
          <CompareForm
            context={context}
            repository={repository}
            from={from}
            to={to}
            tags={known.entries.map(({ tag }) => tag).filter((tag) => !isAttachedTag(tag))}
          />
          {compared && <Comparison context={context} repository={repository} compared={compared} />}
        </>
      ),
    };
  },
};

interface ComparisonProps extends InRepository {
  readonly compared: ImageComparison;
}

function Comparison({ context, repository, compared }: ComparisonProps) {
  const { from, to, images, problem } = compared;
  const isSame = from.digest === to.digest;
  return (
    <>
      <div class="table">
        <table class="cards">
          <thead>
            <tr>
              <th scope="col">Tag</th>
              <th scope="col">Digest</th>
              <th scope="col">What it is</th>
              <th scope="col" class="number">
                Size
              </th>
            </tr>
          </thead>
          <tbody>
            <Side context={context} repository={repository} side={from} />
            <Side context={context} repository={repository} side={to} />
          </tbody>
        </table>
      </div>
      {isSame && <p class="notice">Both are the same manifest: nothing differs.</p>}
      {!isSame && <Platforms context={context} repository={repository} compared={compared} />}
      {!isSame && !images && <p class="notice">No platform is in both, so that no images are compared.</p>}
      {problem !== undefined && <p class="notice">{problem}</p>}
      {!isSame && images && <LayerChanges context={context} repository={repository} images={images} />}
      {!isSame && images && <ConfigChanges changes={images.config} />}
    </>
  );
}

function Side({ context, repository, side }: InRepository & { readonly side: ComparedSide }) {
  const { reference, digest, name, pullSize } = side;
  const { links } = context;
  return (
    <tr>
      <th scope="row">
        {reference.kind === "tag" ? (
          <a href={links.tag(repository, reference.tag)}>{reference.tag}</a>
        ) : (
          <span class="soft">by digest</span>
        )}
      </th>
      <td>
        <a href={links.manifest(repository, digest)}>
          <DigestText digest={digest} />
        </a>
      </td>
      <td>{name.name}</td>
      <td class="number">
        <Size bytes={pullSize} />
      </td>
    </tr>
  );
}

const WORDS = {
  added: "only in the second",
  removed: "only in the first",
  changed: "differs",
  same: "the same",
};

/** Each platform leads to the difference of its images. */
function Platforms({ context, repository, compared }: ComparisonProps) {
  const { platforms, platform: shown, from, to } = compared;
  if (platforms.length === 0) return null;
  const query = { from: nameOf(from.reference), to: nameOf(to.reference) };
  return (
    <section class="section" aria-labelledby="platforms">
      <h2 id="platforms">Platforms</h2>
      <ul class="choices">
        {platforms.map(({ platform, change }) => (
          <li key={platform}>
            {change === "added" || change === "removed" ? (
              platform
            ) : (
              <a
                href={context.links.repository(repository, "/-/compare", { ...query, platform })}
                aria-current={platform === shown ? "true" : undefined}
              >
                {platform}
              </a>
            )}{" "}
            <span class="small soft">{WORDS[change]}</span>
          </li>
        ))}
      </ul>
      {shown !== undefined && (
        <p>
          Below are the images of <strong>{shown}</strong>.
        </p>
      )}
    </section>
  );
}
