import type { WebResponse } from "../requests/web-calls.ts";
import type { WebContext } from "../requests/web-context.ts";
import { errorPage } from "./error-page.tsx";
import { Redirect } from "./page.ts";
import { responseOf } from "./pages.tsx";
import { SIGN_IN, SIGN_OUT } from "./sign-in-page.tsx";

const FAILURE = { status: 401, words: "your session has ended" };

/**
 * Leads who had a session to the sign-in, and from there back to the page: what `anon` may see there is not what this user came
 * for. `undefined` for all others.
 */
export function endedSession(context: WebContext): WebResponse | undefined {
  const { login, path, query, headers } = context.request;
  if (!login.hasEnded || path === SIGN_IN || path === SIGN_OUT) return undefined;
  // The cookie stays, so that the whole page, which the script then loads, leads to the sign-in.
  if ((headers["sec-fetch-dest"] ?? "document") !== "document")
    return responseOf(context, errorPage(context, FAILURE));
  const next = query === "" ? path : `${path}?${query}`;
  const redirect = new Redirect(context.links.now(SIGN_IN, { next, ended: true }), "end");
  return responseOf(context, redirect);
}
