import { ExpectedError } from "../../../primitives/expected-error.ts";
import { parseMoment } from "../../oci-http/operations/moment.ts";
import { type CommitRecord, showCommit } from "../../oci-http/operations/show.ts";
import { InvalidArgumentError } from "../../refusals.ts";
import { isEmptyChange, type PreparedChange, prepareUndo } from "../api/prepared-change.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { InContext, WebContext } from "../requests/web-context.ts";
import { ChangePreview, ConfirmForm, MovedNotice } from "./components/change-preview.tsx";
import { DigestText } from "./components/digest-text.tsx";
import { PageHead } from "./components/page-head.tsx";
import type { Page, PageContent } from "./page.ts";
import { submitPreview } from "./submit-preview.ts";

/** Most changes that the page after a change lists. */
const MAX_CHANGES = 50;
const SHORT_COMMIT_HEX = 12;

/** `/commits/<id>/undo`: gives what a commit changed the state before it. */
export const UNDO_PAGE: Page = {
  pattern: new RoutePattern("/commits/{commit}/undo"),
  show: (context, path) => show(context, path["commit"] ?? ""),
  submit: (context, path, form) => {
    const commit = path["commit"] ?? "";
    return submitPreview(context, form, {
      repository: undefined,
      prepare: () => prepareUndo(context, commit),
      show: (moved) => show(context, commit, moved),
    });
  },
};

/** `/commits/<id>/done`: what a change just did, with its undo. */
export const DONE_PAGE: Page = {
  pattern: new RoutePattern("/commits/{commit}/done"),
  async show(context, path) {
    const record = await commitOf(context, path["commit"] ?? "");
    const undo = await undoOf(context, record);
    return {
      title: "Done",
      isTimeless: true,
      body: (
        <>
          <PageHead title="Done" crumbs={[{ text: "Repositories", href: context.links.now("/") }]} />
          <Done context={context} record={record} undo={undo} />
        </>
      ),
    };
  },
};

async function show(context: WebContext, commit: string, moved?: string): Promise<PageContent> {
  const change = await prepareUndo(context, commit);
  const title = `Undo ${commit.slice(0, SHORT_COMMIT_HEX)}`;
  const { links } = context;
  const crumbs = [{ text: "Commit", href: links.now(`/commits/${commit}`) }];
  const isUndone = isEmptyChange(change) && !change.obstacle;
  return {
    title,
    isTimeless: true,
    body: (
      <>
        <PageHead title={title} crumbs={crumbs} />
        {moved !== undefined && <MovedNotice words={moved} />}
        {isUndone ? (
          <p class="empty">There is nothing to undo: what the commit changed is as it was before it.</p>
        ) : (
          <>
            <ChangePreview context={context} change={change} />
            <UndoForm context={context} commit={commit} change={change} />
          </>
        )}
      </>
    ),
  };
}

interface UndoFormProps extends InContext {
  readonly commit: string;
  readonly change: PreparedChange;
}

function UndoForm({ context, commit, change }: UndoFormProps) {
  const action = context.links.now(`/commits/${commit}/undo`);
  return <ConfirmForm action={action} change={change} fields={[]} label="Undo" />;
}

function commitOf({ services, actor, config }: WebContext, text: string): Promise<CommitRecord> {
  const commit = parseMoment(text);
  if (commit?.point.kind !== "commit")
    throw new InvalidArgumentError(`'${text.slice(0, 100)}' is not the beginning of a commit's id`);
  return showCommit(services, actor, { instance: config.name, commit, limit: MAX_CHANGES });
}

/** The undo of a commit, or why there is none. */
async function undoOf(context: WebContext, { id }: CommitRecord): Promise<PreparedChange | string> {
  try {
    const change = await prepareUndo(context, id);
    return isEmptyChange(change) && !change.obstacle ? "It is undone already." : change;
  } catch (error) {
    if (error instanceof ExpectedError) return `It can't be undone: ${error.message}`;
    throw error;
  }
}

interface DoneProps extends InContext {
  readonly record: CommitRecord;
  readonly undo: PreparedChange | string;
}

function Done({ context, record, undo }: DoneProps) {
  const { id, message, changes } = record;
  const { links } = context;
  const [subject = ""] = message.split("\n");
  const repositories = [...new Set(changes.entries.map(({ repository }) => repository))];
  return (
    <>
      <div class="notice" role="status">
        <p>
          <strong>{subject}</strong>, in the commit{" "}
          <a href={links.now(`/commits/${id}`)} class="mono">
            {id.slice(0, SHORT_COMMIT_HEX)}
          </a>
        </p>
        {typeof undo === "string" ? (
          <p class="soft">{undo}</p>
        ) : (
          <>
            {undo.obstacle && <p class="soft">It can't be undone: {undo.obstacle.reason.message}</p>}
            <UndoForm context={context} commit={id} change={undo} />
          </>
        )}
      </div>
      <ul class="plain">
        {changes.entries.map((change) => (
          <li key={JSON.stringify(change)}>
            <Changed change={change} />
          </li>
        ))}
        {changes.more && <li class="soft">… and more</li>}
      </ul>
      <nav class="row" aria-label="Go on">
        {repositories.slice(0, 5).map((repository) => (
          <a key={repository} href={links.now(`/repositories/${repository}`)}>
            {repository}
          </a>
        ))}
      </nav>
    </>
  );
}

function Changed({ change }: { readonly change: CommitRecord["changes"]["entries"][number] }) {
  if (change.kind === "manifest")
    return (
      <span class={change.isThere ? "added" : "removed"}>
        {change.repository}@<DigestText digest={change.digest} /> {change.isThere ? "added" : "deleted"}
      </span>
    );
  const { repository, tag, before, after } = change;
  return (
    <span class={after ? (before ? undefined : "added") : "removed"}>
      {repository}:{tag} {after ? (before ? "moved" : "set") : "deleted"}
      {before && (
        <>
          , before <DigestText digest={before} />
        </>
      )}
      {after && (
        <>
          , now <DigestText digest={after} />
        </>
      )}
    </span>
  );
}
