import { counted } from "../../../primitives/text/counted.ts";
import { ANONYMOUS } from "../../../primitives/users/user.ts";
import { endSession } from "../../accounts/own-account.ts";
import { webFailureOf } from "../requests/failed-web.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { WebContext } from "../requests/web-context.ts";
import { errorPage } from "./error-page.tsx";
import { type Page, type PageContent, type PageResult, Redirect } from "./page.ts";

export const SIGN_IN = "/sign-in";
export const SIGN_OUT = "/sign-out";

/** The HTTP thread checks the submitted form; it comes here only if the login was refused. */
export const SIGN_IN_PAGE: Page = {
  pattern: new RoutePattern(SIGN_IN),
  show: (context) => {
    const isSignedIn = context.request.login.user !== ANONYMOUS;
    return isSignedIn ? new Redirect(context.links.now("/")) : signIn(context, context.query.get("next"));
  },
  submit: (context, _path, form) => signIn(context, form.get("next")),
};

function signIn({ links, query, request }: WebContext, next: string | null): PageContent {
  const { refusedSignIn } = request;
  const hasEnded = !refusedSignIn && query.has("ended");
  const limited = refusedSignIn?.retryAfterSeconds;
  const message =
    limited === undefined
      ? "The name or the password is wrong."
      : `There were too many failed logins. Try again in ${counted(limited, "second")}.`;
  return {
    title: "Sign in",
    isTimeless: true,
    status: refusedSignIn ? (limited === undefined ? 401 : 429) : 200,
    body: (
      <section class="narrow">
        <h1>Sign in</h1>
        {refusedSignIn && (
          <p class="error" role="alert">
            {message}
          </p>
        )}
        {hasEnded && (
          <p class="notice" role="status">
            Your session has ended. Sign in to go on.
          </p>
        )}
        <form class="stack" method="post" action={links.now(SIGN_IN)}>
          <input type="hidden" name="next" value={next ?? "/"} />
          <label>
            User name
            <input name="user" autoComplete="username" required value={refusedSignIn?.user ?? ""} />
          </label>
          <label>
            Password
            <input name="password" type="password" autoComplete="current-password" required />
          </label>
          <button type="submit" class="primary">
            Sign in
          </button>
        </form>
      </section>
    ),
  };
}

/** Ends the session. */
export const SIGN_OUT_PAGE: Page = {
  pattern: new RoutePattern(SIGN_OUT),
  show: ({ links }) => new Redirect(links.now("/")),
  submit: signOut,
};

/** The browser loses its cookie in any case. */
async function signOut(context: WebContext): Promise<PageResult> {
  const { links, services, actor, request } = context;
  const { login } = request;
  try {
    if (login.session) await endSession(services, actor, login.session);
    return new Redirect(links.now("/"), "end");
  } catch (error) {
    const { words, ...failure } = webFailureOf(services.log, error, login);
    const page = errorPage(context, {
      ...failure,
      words: `This browser is signed out, but the server could not note it: ${words}`,
      hint: "A copy of the browser's cookie is valid until it expires. A change of the password ends it.",
    });
    return { ...page, session: "end" };
  }
}
