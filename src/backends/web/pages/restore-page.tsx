import { Type } from "typebox";
import { requireRoleIn } from "../../oci-http/operations/change-rights.ts";
import { parsedQuery } from "../api/api-route.ts";
import { restoredIn } from "../api/changes.ts";
import { repositoryIn } from "../api/path-values.ts";
import { isEmptyChange, prepareRestore, selectionIn } from "../api/prepared-change.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { InContext, WebContext } from "../requests/web-context.ts";
import { ChangePreview, ConfirmForm, MovedNotice } from "./components/change-preview.tsx";
import { PageHead } from "./components/page-head.tsx";
import type { Page, PageContent, PageResult } from "./page.ts";
import { submitPreview } from "./submit-preview.ts";

const Text = Type.Optional(Type.String());
const QUERY = Type.Object(
  { at: Text, to: Text, tag: Text, selection: Text },
  { additionalProperties: false },
);

/** What a page restores. */
interface Restored {
  /** The page's path. */
  readonly path: string;
  readonly repository: string | undefined;
  /** The field that narrows it, and its value. */
  readonly field: "tag" | "selection";
  readonly value: string;
  readonly to: string;
}

/** `/repositories/<name>/-/restore`: sets a tag, or a repository, to an earlier state. */
export const REPOSITORY_RESTORE_PAGE: Page = {
  pattern: new RoutePattern("/repositories/{repository}/-/restore"),
  show: (context, path) => {
    const repository = repositoryIn(path["repository"]);
    requireRoleIn(context.actor, context.config, [repository], { role: "writer", what: "restoring" });
    const { tag = "", to = "" } = parsedQuery(QUERY, context.query);
    return show(context, { ...ofRepository(repository), value: tag, to });
  },
  submit: (context, path, form) => {
    const repository = repositoryIn(path["repository"]);
    return submit(context, { ...ofRepository(repository), ...fieldsOf(form, "tag") }, form);
  },
};

/** `/restore`: sets what a selection names, or the whole registry, to an earlier state. */
export const RESTORE_PAGE: Page = {
  pattern: new RoutePattern("/restore"),
  show: (context) => {
    const { selection = "", to = "" } = parsedQuery(QUERY, context.query);
    return show(context, { ...OF_REGISTRY, value: selection, to });
  },
  submit: (context, _path, form) => submit(context, { ...OF_REGISTRY, ...fieldsOf(form, "selection") }, form),
};

const OF_REGISTRY = { path: "/restore", repository: undefined, field: "selection" } as const;

function ofRepository(repository: string) {
  return { path: `/repositories/${repository}/-/restore`, repository, field: "tag" } as const;
}

function fieldsOf(form: URLSearchParams, field: string) {
  return { value: form.get(field) ?? "", to: form.get("to") ?? "" };
}

function prepare(context: WebContext, { repository, value, to }: Restored) {
  const selection =
    repository === undefined
      ? value === ""
        ? undefined
        : selectionIn(value)
      : restoredIn(repository, value);
  return prepareRestore(context, selection, to);
}

function submit(context: WebContext, restored: Restored, form: URLSearchParams): Promise<PageResult> {
  return submitPreview(context, form, {
    repository: restored.repository,
    prepare: () => prepare(context, restored),
    show: (moved) => show(context, restored, moved),
  });
}

async function show(context: WebContext, restored: Restored, moved?: string): Promise<PageContent> {
  const { repository, to } = restored;
  const title = `Restore ${nameOf(restored)}`;
  const home = { text: "Repositories", href: context.links.now("/") };
  const crumbs = repository
    ? [home, { text: repository, href: context.links.now(`/repositories/${repository}`) }]
    : [home];
  return {
    title,
    isTimeless: true,
    body: (
      <>
        <PageHead title={title} crumbs={crumbs} />
        {moved !== undefined && <MovedNotice words={moved} />}
        <MomentForm context={context} restored={restored} />
        {to !== "" && (await preview(context, restored))}
      </>
    ),
  };
}

async function preview(context: WebContext, restored: Restored) {
  const { path, field, value } = restored;
  const change = await prepare(context, restored);
  if (isEmptyChange(change) && !change.obstacle)
    return <p class="empty">There is nothing to restore: it has the state of that moment already.</p>;
  const { to = restored.to } = change;
  return (
    <>
      <ChangePreview context={context} change={change} />
      <ConfirmForm
        action={context.links.now(path, { [field]: value, to })}
        change={change}
        fields={[
          [field, value],
          ["to", to],
        ]}
        label="Restore"
      />
    </>
  );
}

function nameOf({ repository, value }: Restored): string {
  if (repository === undefined) return value === "" ? "the registry" : value;
  return value === "" ? repository : `${repository}:${value}`;
}

function MomentForm({ context, restored }: InContext & { readonly restored: Restored }) {
  const { path, field, value, to } = restored;
  const isRepository = field === "tag";
  return (
    <form method="get" action={context.links.now(path)} class="row">
      <label>
        {isRepository ? "Tag" : "Selection"}
        <input
          name={field}
          value={value}
          placeholder={isRepository ? "all tags" : "everything, or team/*:v1"}
        />
      </label>
      <label>
        To
        <input name="to" value={to} required placeholder="2h, 2026-01-31T12:00:00Z or a commit" size={36} />
      </label>
      <button type="submit">Preview</button>
    </form>
  );
}
