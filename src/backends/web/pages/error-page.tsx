import { ANONYMOUS } from "../../../primitives/users/user.ts";
import { titleOf } from "../api/problem.ts";
import type { WebFailure } from "../requests/failed-web.ts";
import type { WebContext } from "../requests/web-context.ts";
import type { PageContent } from "./page.ts";

/** What a failed request shows. The words are the same whether what was asked for exists or not, if the user may not read it. */
export function errorPage(
  { links, request: { login, path, query } }: WebContext,
  { status, title = titleOf(status), words, hint }: WebFailure,
): PageContent {
  const next = query === "" ? path : `${path}?${query}`;
  return {
    title,
    status,
    body: (
      <section class="narrow">
        <h1>{title}</h1>
        <p class="sentence">{words}</p>
        {hint !== undefined && <p>{hint}</p>}
        {login.user === ANONYMOUS && (status === 401 || status === 403 || status === 404) && (
          <p>
            <a href={links.now("/sign-in", { next })}>Sign in</a> to see what your account may read.
          </p>
        )}
      </section>
    ),
  };
}
