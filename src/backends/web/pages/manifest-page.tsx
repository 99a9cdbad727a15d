import { Type } from "typebox";
import { digestHex } from "../../../primitives/digest.ts";
import { parsedQuery } from "../api/api-route.ts";
import { findReferrers, manifestDetails } from "../api/manifests.ts";
import { digestIn, repositoryIn } from "../api/path-values.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import { ManifestActions } from "./components/change-actions.tsx";
import { crumbsOf } from "./components/crumbs.ts";
import { ManifestFacts } from "./components/manifest-facts.tsx";
import { ManifestView } from "./components/manifest-view.tsx";
import { PageHead } from "./components/page-head.tsx";
import { PullCommands } from "./components/pull-commands.tsx";
import type { Page } from "./page.ts";

const QUERY = Type.Object({ cursor: Type.Optional(Type.String()), at: Type.Optional(Type.String()) });
const TITLE_DIGITS = 12;

/** `/repositories/<name>/-/manifests/<digest>`: a manifest, and what refers to it. */
export const MANIFEST_PAGE: Page = {
  pattern: new RoutePattern("/repositories/{repository}/-/manifests/{digest}"),
  isKept: true,
  async show(context, path) {
    const repository = repositoryIn(path["repository"]);
    const digest = digestIn(path["digest"]);
    const { cursor } = parsedQuery(QUERY, context.query);
    const details = await manifestDetails(context, repository, digest);
    const { entries, next } = await findReferrers(context, repository, { digest, cursor });
    const title = digestHex(digest).slice(0, TITLE_DIGITS);
    return {
      title: `${repository}@${title}`,
      body: (
        <>
          <PageHead title={title} crumbs={crumbsOf({ context, repository })}>
            <ManifestActions context={context} repository={repository} digest={digest} />
          </PageHead>
          <ManifestFacts context={context} repository={repository} details={details} />
          <PullCommands
            context={context}
            repository={repository}
            reference={{ digest }}
            kind={details.name.kind}
          />
          <ManifestView
            context={context}
            repository={repository}
            details={details}
            attached={entries}
            moreAttached={next && context.links.manifest(repository, digest, { cursor: next })}
          />
        </>
      ),
    };
  },
};
