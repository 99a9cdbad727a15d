import { Type } from "typebox";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { TagMoveRecord, TagMovesPage } from "../../oci-http/operations/tag-moves.ts";
import { parsedQuery } from "../api/api-route.ts";
import { findMoves } from "../api/past.ts";
import { PAGE_QUERY } from "../api/schemas.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { InContext } from "../requests/web-context.ts";
import { DigestAt } from "./components/change-table.tsx";
import { CommitLink } from "./components/commit-link.tsx";
import { PageHead } from "./components/page-head.tsx";
import { TagLine } from "./components/tag-line.tsx";
import { Time } from "./components/time.tsx";
import type { Page } from "./page.ts";

const QUERY = Type.Object(
  { ...PAGE_QUERY, at: Type.Optional(Type.String()) },
  { additionalProperties: false },
);
const SHOWN = 50;

/** `/repositories/{repository}/-/tags/{tag}/moves`: the line of a tag's moves. */
export const MOVES_PAGE: Page = {
  pattern: new RoutePattern("/repositories/{repository}/-/tags/{tag}/moves"),
  isKept: true,
  async show(context, { repository = "", tag = "" }) {
    const query = parsedQuery(QUERY, context.query);
    const found = await findMoves(context, { limit: SHOWN, ...query, repository, tag });
    const { links } = context;
    return {
      title: `Moves of ${repository}:${tag}`,
      body: (
        <>
          <PageHead
            title={`Moves of ${tag}`}
            crumbs={[
              { text: "Repositories", href: links.to("/") },
              { text: repository, href: links.repository(repository) },
              { text: tag, href: links.tag(repository, tag) },
            ]}
          />
          {found.entries.length === 0 ? (
            <p class="empty">
              There was never a tag “{tag}” in “{repository}”{context.at && " at that time"}.
            </p>
          ) : (
            <Moves context={context} repository={repository} tag={tag} found={found} />
          )}
        </>
      ),
    };
  },
};

interface MovesProps extends InContext {
  readonly repository: string;
  readonly tag: string;
  readonly found: TagMovesPage;
}

function Moves({ context, repository, tag, found }: MovesProps) {
  const { entries, next } = found;
  const isNewest = context.query.get("cursor") === null;
  const { at } = context;
  const asOf = at?.point.kind === "time" ? new Date(at.point.seconds * 1000) : undefined;
  const newest = entries[0]?.time ?? new Date();
  // A commit, or a later page, ends with its newest move.
  const end = isNewest && (at === undefined || asOf) ? (asOf ?? new Date()) : newest;
  const path = `/repositories/${repository}/-/tags/${tag}/moves`;
  return (
    <>
      <TagLine moves={entries} end={end} />
      <section class="section" aria-label="Moves">
        <div class="table">
          <table class="cards">
            <Heads />
            <tbody>
              {entries.map((move, i) => (
                <Row
                  key={move.commit}
                  context={context}
                  repository={repository}
                  tag={tag}
                  move={move}
                  previous={entries[i + 1]?.commit}
                  isCurrent={isNewest && i === 0}
                />
              ))}
            </tbody>
          </table>
        </div>
        {next !== undefined && (
          <nav class="row small" aria-label="Pages">
            <a href={context.links.to(path, { cursor: next })} rel="next">
              Older
            </a>
          </nav>
        )}
      </section>
    </>
  );
}

function Heads() {
  return (
    <thead>
      <tr>
        <th scope="col">When</th>
        <th scope="col">Who</th>
        <th scope="col" class="wide">
          Before
        </th>
        <th scope="col">After</th>
        <th scope="col" class="wide">
          Client
        </th>
        <th scope="col" class="wide">
          Commit
        </th>
        <th scope="col">
          <span class="unseen">Actions</span>
        </th>
      </tr>
    </thead>
  );
}

interface RowProps extends Omit<MovesProps, "found"> {
  readonly move: TagMoveRecord;
  /** The commit of the move before it, on the same page. */
  readonly previous: ObjectId | undefined;
  /** Whether the tag is as the move left it. */
  readonly isCurrent: boolean;
}

function Row({ context, repository, tag, move, previous, isCurrent }: RowProps) {
  const { commit, time, user, client, before, after } = move;
  const { links } = context;
  const restore = `/repositories/${repository}/-/restore`;
  return (
    <tr>
      <td>
        <a href={links.to(`/commits/${commit}`)}>
          <Time date={time} />
        </a>
      </td>
      <td>{user}</td>
      <td class="wide">
        <DigestAt context={context} repository={repository} digest={before} at={previous ?? commit} />
      </td>
      <td>
        <DigestAt context={context} repository={repository} digest={after} at={commit} />
      </td>
      <td class="wide text small soft">{client}</td>
      <td class="wide">
        <CommitLink context={context} commit={commit} />
      </td>
      <td class="small">
        <a href={links.now(`/repositories/${repository}`, { at: commit })}>As of then</a>
        {!isCurrent && (
          <>
            {" · "}
            <a href={links.now(restore, { tag, to: commit })}>Restore to this</a>
          </>
        )}
      </td>
    </tr>
  );
}
