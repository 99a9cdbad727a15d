import { Type } from "typebox";
import { requireRoleIn } from "../../oci-http/operations/change-rights.ts";
import { parsedQuery } from "../api/api-route.ts";
import { deletedIn } from "../api/changes.ts";
import { repositoryIn } from "../api/path-values.ts";
import { prepareRemoval, selectionIn } from "../api/prepared-change.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { InContext, WebContext } from "../requests/web-context.ts";
import { ChangePreview, ConfirmForm, MovedNotice } from "./components/change-preview.tsx";
import { PageHead } from "./components/page-head.tsx";
import type { Page, PageContent, PageResult } from "./page.ts";
import { submitPreview } from "./submit-preview.ts";

/** What says what is deleted, in the address and in the form. */
const NAMES = ["tag", "pattern", "digest", "all", "selection"] as const;
/** Longest query of an address; a longer one would be cut by proxies and lost with the session. */
const MAX_QUERY = 4000;

const Text = Type.Optional(Type.String());
const QUERY = Type.Object(
  {
    at: Text,
    ...{ tag: Type.Optional(Type.Array(Type.String())), pattern: Text, digest: Text, all: Text },
    selection: Text,
  },
  { additionalProperties: false },
);

interface Deleted {
  readonly path: string;
  readonly repository: string | undefined;
  /** The fields that were given. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** `/repositories/<name>/-/delete`: deletes tags, a manifest, what a pattern matches, or the repository. */
export const REPOSITORY_DELETE_PAGE: Page = {
  pattern: new RoutePattern("/repositories/{repository}/-/delete"),
  show: (context, path) => {
    parsedQuery(QUERY, context.query);
    return show(context, ofRepository(context, path["repository"], context.query));
  },
  submit: (context, path, form) => submit(context, ofRepository(context, path["repository"], form), form),
};

/** `/delete`: deletes what a selection names. */
export const DELETE_PAGE: Page = {
  pattern: new RoutePattern("/delete"),
  show: (context) => {
    parsedQuery(QUERY, context.query);
    return show(context, ofRegistry(context.query));
  },
  submit: (context, _path, form) => submit(context, ofRegistry(form), form),
};

function ofRepository(
  { actor, config }: WebContext,
  text: string | undefined,
  form: URLSearchParams,
): Deleted {
  const repository = repositoryIn(text);
  requireRoleIn(actor, config, [repository], { role: "owner", what: "deleting" });
  return { path: `/repositories/${repository}/-/delete`, repository, fields: fieldsOf(form) };
}

function ofRegistry(form: URLSearchParams): Deleted {
  return { path: "/delete", repository: undefined, fields: fieldsOf(form) };
}

function fieldsOf(form: URLSearchParams): Deleted["fields"] {
  return NAMES.flatMap((name) =>
    form
      .getAll(name)
      .filter((value) => value !== "")
      .map((value) => [name, value] as const),
  );
}

function selectionOf({ repository, fields }: Deleted) {
  const first = (wanted: string) => fields.find(([name]) => name === wanted)?.[1];
  if (repository === undefined) return selectionIn(first("selection") ?? "");
  const tags = fields.filter(([name]) => name === "tag").map(([, value]) => value);
  return deletedIn(repository, {
    tags: tags.length > 0 ? tags : undefined,
    pattern: first("pattern"),
    digest: first("digest"),
    all: first("all") === "true",
  });
}

function prepare(context: WebContext, deleted: Deleted) {
  return prepareRemoval(context, selectionOf(deleted));
}

function submit(context: WebContext, deleted: Deleted, form: URLSearchParams): Promise<PageResult> {
  return submitPreview(context, form, {
    repository: deleted.repository,
    prepare: () => prepare(context, deleted),
    show: (moved) => show(context, deleted, moved),
  });
}

async function show(context: WebContext, deleted: Deleted, moved?: string): Promise<PageContent> {
  const { links } = context;
  const { repository, fields } = deleted;
  const title = repository === undefined ? "Delete" : `Delete from ${repository}`;
  const home = { text: "Repositories", href: links.now("/") };
  const crumbs = repository
    ? [home, { text: repository, href: links.now(`/repositories/${repository}`) }]
    : [home];
  return {
    title,
    isTimeless: true,
    body: (
      <>
        <PageHead title={title} crumbs={crumbs} />
        {moved !== undefined && <MovedNotice words={moved} />}
        {fields.length > 0 ? (
          await preview(context, deleted)
        ) : (
          <SelectionForm context={context} deleted={deleted} />
        )}
      </>
    ),
  };
}

async function preview(context: WebContext, deleted: Deleted) {
  const { path, repository, fields } = deleted;
  const change = await prepare(context, deleted);
  const query = new URLSearchParams(
    fields.map(([name, value]): [string, string] => [name, value]),
  ).toString();
  const address = context.links.now(path);
  return (
    <>
      <ChangePreview context={context} change={change} />
      <p class="soft">
        All of it is one commit, which can be undone as long as the registry keeps the content.
      </p>
      <ConfirmForm
        // The address shows the same preview again, as after a session has ended.
        action={query.length > MAX_QUERY ? address : `${address}?${query}`}
        change={change}
        fields={fields}
        label="Delete"
        isDangerous
        cancel={context.links.now(repository === undefined ? "/" : `/repositories/${repository}`)}
      />
    </>
  );
}

function SelectionForm({ context, deleted }: InContext & { readonly deleted: Deleted }) {
  const { path, repository } = deleted;
  const action = context.links.now(path);
  if (repository === undefined)
    return (
      <form method="get" action={action} class="row">
        <label>
          Selection
          <input name="selection" required placeholder="alice/**:pr-*" size={36} />
        </label>
        <button type="submit">Preview</button>
      </form>
    );
  return (
    <>
      <form method="get" action={action} class="row">
        <label>
          Tags
          <input name="pattern" required placeholder="pr-* or v1,v2" size={36} />
        </label>
        <button type="submit">Preview</button>
      </form>
      <form method="get" action={action} class="row">
        <input type="hidden" name="all" value="true" />
        <button type="submit">Preview the deletion of the repository</button>
      </form>
    </>
  );
}
