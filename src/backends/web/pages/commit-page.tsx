import type { ContentChange } from "../../oci-http/operations/diff.ts";
import { eventKind } from "../../oci-http/operations/log-page.ts";
import { MAX_CHANGES, type ReadCommit, readCommit } from "../api/past.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { InContext } from "../requests/web-context.ts";
import { CommitActions } from "./components/change-actions.tsx";
import { ChangeTable, type ShownChange } from "./components/change-table.tsx";
import { CommitLink, shortCommit } from "./components/commit-link.tsx";
import { PageHead } from "./components/page-head.tsx";
import { Time } from "./components/time.tsx";
import type { Page } from "./page.ts";

/** A moment before every commit: the empty registry. */
const BEFORE_ALL = "1970-01-01";

/** `/commits/{commit}`: a commit whole. */
export const COMMIT_PAGE: Page = {
  pattern: new RoutePattern("/commits/{commit}"),
  isKept: true,
  async show(context, { commit = "" }) {
    const read = await readCommit(context, commit);
    return {
      title: `Commit ${shortCommit(read.id)}`,
      isTimeless: true,
      body: (
        <>
          <PageHead title={read.subject} crumbs={[{ text: "History", href: context.links.to("/log") }]} />
          <Facts context={context} commit={read} />
          <Actions context={context} commit={read} />
          <Changes context={context} commit={read} />
        </>
      ),
    };
  },
};

type WithCommit = InContext & { readonly commit: ReadCommit };

function Facts({ context, commit }: WithCommit) {
  const { id, parent, author, time, subject, trailers } = commit;
  return (
    <dl class="facts">
      <dt>Commit</dt>
      <dd class="mono">{id}</dd>
      <dt>Parent</dt>
      <dd>{parent ? <CommitLink context={context} commit={parent} /> : "none"}</dd>
      <dt>Author</dt>
      <dd>
        {author.name} <span class="soft">&lt;{author.email}&gt;</span>
      </dd>
      <dt>Time</dt>
      <dd>
        <Time date={time} />{" "}
        <span class="soft">({time.toISOString().slice(0, 19).replace("T", " ")} UTC)</span>
      </dd>
      <dt>Kind</dt>
      <dd>{eventKind(subject)}</dd>
      {trailers.map(([name, value], i) => (
        <Trailer key={i} name={name} value={value} />
      ))}
    </dl>
  );
}

function Trailer({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function Actions({ context, commit: { id, parent, changes } }: WithCommit) {
  const { links } = context;
  const before = parent ?? BEFORE_ALL;
  return (
    <div class="row">
      <a class="button" href={links.now("/", { at: id })}>
        The registry as of this commit
      </a>
      <a class="button" href={links.now("/", { at: before })}>
        The registry before it
      </a>
      <a class="button" href={links.now("/compare", { from: before, to: id })}>
        Compare with before
      </a>
      <a class="button" href={links.now("/compare", { from: id })}>
        Compare with now
      </a>
      <CommitActions context={context} commit={id} changes={changes.entries} />
    </div>
  );
}

function Changes({ context, commit: { id, parent, changes } }: WithCommit) {
  return (
    <section class="section" aria-labelledby="changes">
      <h2 id="changes">Changes</h2>
      {changes.entries.length === 0 ? (
        <p class="soft">It changed no tag and no manifest.</p>
      ) : (
        <ChangeTable
          context={context}
          changes={changes.entries.map(shown)}
          then={parent ?? BEFORE_ALL}
          now={id}
        />
      )}
      {changes.more && (
        <p class="soft">
          These are the first {MAX_CHANGES}.{" "}
          <a href={context.links.now("/compare", { from: parent ?? BEFORE_ALL, to: id })}>Show all tags</a>
        </p>
      )}
    </section>
  );
}

function shown(change: ContentChange): ShownChange {
  const { repository } = change;
  if (change.kind === "tag") return change;
  const { digest, isThere } = change;
  return {
    repository,
    tag: undefined,
    before: isThere ? undefined : digest,
    after: isThere ? digest : undefined,
  };
}
