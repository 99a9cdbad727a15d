import { Type } from "typebox";
import { ANONYMOUS } from "../../../primitives/users/user.ts";
import type { FoundRepository } from "../../oci-http/operations/search-repositories.ts";
import { parsedQuery } from "../api/api-route.ts";
import { findRepositories } from "../api/repositories.ts";
import { spaceOf } from "../api/space.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { InContext, WebContext } from "../requests/web-context.ts";
import { PageHead } from "./components/page-head.tsx";
import { Size } from "./components/size.tsx";
import { Shares } from "./components/space/bars.tsx";
import { Growth, STEPS, type Step } from "./components/space/growth.tsx";
import { Largest, Removable, Totals } from "./components/space/parts.tsx";
import { Time } from "./components/time.tsx";
import type { Page, PageContent } from "./page.ts";

const PATH = "/space";
const QUERY = Type.Object({
  step: Type.Optional(Type.Enum(Object.keys(STEPS) as Step[])),
  at: Type.Optional(Type.String()),
});
/** Repositories that are listed to who may not see the whole registry. */
const LISTED = 20;

/** `/space`: what the registry takes. */
export const SPACE_PAGE: Page = {
  pattern: new RoutePattern(PATH),
  async show(context) {
    const { step = "day" } = parsedQuery(QUERY, context.query);
    return context.actor.isAdministrator() ? whole(context, step) : readable(context);
  },
};

async function whole(context: WebContext, step: Step): Promise<PageContent> {
  const { newest, isRunning, sharedWith } = await spaceOf(context);
  return {
    title: "Space",
    isTimeless: true,
    body: (
      <>
        <PageHead title="Space">
          <div class="row small soft">
            {newest && (
              <span>
                measured <Time date={newest.measured} />
              </span>
            )}
            {newest && isRunning && <span>a newer measurement is under way</span>}
          </div>
        </PageHead>
        {sharedWith.length > 0 && (
          <p class="notice">
            The store is also that of {sharedWith.join(", ")}: this is the content of all of them.
          </p>
        )}
        {newest ? (
          <>
            <Totals measured={newest} />
            <Growth context={context} path={PATH} days={newest.days} step={step} />
            <Largest context={context} measured={newest} />
            <Removable context={context} measured={newest} />
          </>
        ) : (
          <div class="empty" role="status">
            <p>The registry is being measured for the first time.</p>
            <p>
              <a href={context.links.now(PATH)}>Look again</a>
            </p>
          </div>
        )}
      </>
    ),
  };
}

/** Who may not see everything gets the sizes of the own part alone: what is shared would tell what others have. */
async function readable(context: WebContext): Promise<PageContent> {
  const found = await findRepositories(
    { ...context, at: undefined },
    { sort: "size", descending: true, limit: LISTED },
  );
  const isAnonymous = context.request.login.user === ANONYMOUS;
  return {
    title: "Space",
    isTimeless: true,
    body: (
      <>
        <PageHead title="Space" />
        <p class="soft">
          These are the largest repositories that you may read. Growth, sharing and clean-up count what others
          have too, and are for administrators.
          {isAnonymous && " Sign in to see what your account may read."}
        </p>
        {found.entries.length === 0 ? (
          <p class="empty">There is no repository here that you may read.</p>
        ) : (
          <Sizes context={context} entries={found.entries} />
        )}
        {!found.isMeasured && <p class="notice">The sizes are still being collected; look again later.</p>}
      </>
    ),
  };
}

function Sizes({ context, entries }: InContext & { readonly entries: readonly FoundRepository[] }) {
  const most = Math.max(...entries.map(({ size = 0 }) => size));
  return (
    <div class="table">
      <table>
        <thead>
          <tr>
            <th scope="col">Repository</th>
            <th scope="col" class="wide bar">
              <span class="unseen">As a bar</span>
            </th>
            <th scope="col" class="number">
              Size
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map(({ repository, size }) => (
            <tr key={repository}>
              <th scope="row">
                <a href={context.links.now(`/repositories/${repository}`)}>{repository}</a>
              </th>
              <td class="wide bar">
                <Shares
                  label={`Size of ${repository}`}
                  most={most}
                  parts={[{ bytes: size ?? 0, mark: "mark-1" }]}
                />
              </td>
              <td class="number">{size !== undefined && <Size bytes={size} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
