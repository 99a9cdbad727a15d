import { Type } from "typebox";
import { requireRoleIn } from "../../oci-http/operations/change-rights.ts";
import { parsedQuery } from "../api/api-route.ts";
import { retaggedIn } from "../api/changes.ts";
import { repositoryIn } from "../api/path-values.ts";
import { isEmptyChange, prepareRetag } from "../api/prepared-change.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { InContext, WebContext } from "../requests/web-context.ts";
import { ChangePreview, ConfirmForm, MovedNotice } from "./components/change-preview.tsx";
import { PageHead } from "./components/page-head.tsx";
import type { Page, PageContent } from "./page.ts";
import { submitPreview } from "./submit-preview.ts";

const Text = Type.Optional(Type.String());
const QUERY = Type.Object({ at: Text, source: Text, tag: Text }, { additionalProperties: false });

interface Retagged {
  readonly repository: string;
  /** A tag or a digest; empty: not chosen yet. */
  readonly source: string;
  readonly tag: string;
}

/** `/repositories/<name>/-/retag`: points a tag, new or known, at a manifest of the repository. */
export const RETAG_PAGE: Page = {
  pattern: new RoutePattern("/repositories/{repository}/-/retag"),
  show: (context, path) => {
    const { source = "", tag = "" } = parsedQuery(QUERY, context.query);
    return show(context, { repository: allowed(context, path["repository"]), source, tag });
  },
  submit: (context, path, form) => {
    const repository = allowed(context, path["repository"]);
    const retagged = { repository, source: form.get("source") ?? "", tag: form.get("tag") ?? "" };
    return submitPreview(context, form, {
      repository,
      prepare: () => prepare(context, retagged),
      show: (moved) => show(context, retagged, moved),
    });
  },
};

function allowed({ actor, config }: WebContext, text: string | undefined): string {
  const repository = repositoryIn(text);
  requireRoleIn(actor, config, [repository], { role: "writer", what: "tagging" });
  return repository;
}

function prepare(context: WebContext, { repository, source, tag }: Retagged) {
  return prepareRetag(context, retaggedIn(repository, source, tag));
}

async function show(context: WebContext, retagged: Retagged, moved?: string): Promise<PageContent> {
  const { repository, source, tag } = retagged;
  const { links } = context;
  const title = `Set a tag of ${repository}`;
  const crumbs = [
    { text: "Repositories", href: links.now("/") },
    { text: repository, href: links.now(`/repositories/${repository}`) },
  ];
  return {
    title,
    isTimeless: true,
    body: (
      <>
        <PageHead title={title} crumbs={crumbs} />
        {moved !== undefined && <MovedNotice words={moved} />}
        <RetagForm context={context} retagged={retagged} />
        {source !== "" && tag !== "" && (await preview(context, retagged))}
      </>
    ),
  };
}

async function preview(context: WebContext, retagged: Retagged) {
  const { repository, source, tag } = retagged;
  const change = await prepare(context, retagged);
  if (isEmptyChange(change))
    return <p class="empty">There is nothing to do: the tag names this image already.</p>;
  return (
    <>
      <ChangePreview context={context} change={change} />
      <ConfirmForm
        action={context.links.now(`/repositories/${repository}/-/retag`, { source, tag })}
        change={change}
        fields={[
          ["source", source],
          ["tag", tag],
        ]}
        label="Set the tag"
      />
    </>
  );
}

function RetagForm({ context, retagged }: InContext & { readonly retagged: Retagged }) {
  const { repository, source, tag } = retagged;
  return (
    <form method="get" action={context.links.now(`/repositories/${repository}/-/retag`)} class="row">
      <label>
        Tag to set
        <input name="tag" value={tag} required placeholder="prod" autoComplete="off" />
      </label>
      <label>
        To the image of
        <input
          name="source"
          value={source}
          required
          placeholder="a tag or a digest"
          size={36}
          autoComplete="off"
        />
      </label>
      <button type="submit">Preview</button>
    </form>
  );
}
