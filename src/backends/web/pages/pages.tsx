import { renderToString } from "preact-render-to-string";
import { retryHeaders } from "../api/problem.ts";
import { meantPath } from "../requests/meant-path.ts";
import type { WebResponse } from "../requests/web-calls.ts";
import type { WebContext } from "../requests/web-context.ts";
import { errorPage } from "./error-page.tsx";
import { Layout } from "./layout.tsx";
import { type PageContent, Redirect } from "./page.ts";
import { PAGES } from "./page-table.ts";

/** Handles a request for a page; a page that doesn't exist is 404. */
export async function handlePage(context: WebContext): Promise<WebResponse> {
  const { method, path, body } = context.request;
  const isRead = method === "GET" || method === "HEAD";
  const meant = isRead ? meantPath(path) : undefined;
  if (meant !== undefined) return responseOf(context, new Redirect(sameQuery(context, meant)));
  for (const { pattern, show, submit } of PAGES) {
    const values = pattern.match(path);
    if (!values) continue;
    if (isRead) return responseOf(context, await show(context, values));
    if (method !== "POST" || !submit) {
      const Allow = submit ? "GET, HEAD, POST" : "GET, HEAD";
      const failure = { status: 405, words: `the method ${method} is not one of ${Allow}` };
      const response = responseOf(context, errorPage(context, failure));
      return { ...response, headers: { ...response.headers, Allow } };
    }
    const form = new URLSearchParams(new TextDecoder().decode(body));
    return responseOf(context, await submit(context, values, form));
  }
  return responseOf(context, errorPage(context, { status: 404, words: "there is no such page" }));
}

function sameQuery({ links, request: { query } }: WebContext, path: string): string {
  return `${links.now(path)}${query && `?${query}`}`;
}

/** Renders a page whole. */
export function responseOf(context: WebContext, result: PageContent | Redirect): WebResponse {
  if (result instanceof Redirect)
    return {
      status: 303,
      headers: { Location: context.links.belowRoot(result.location) },
      body: null,
      session: result.session,
    };
  const { status = 200 } = result;
  return {
    status,
    headers: { "Content-Type": "text/html; charset=utf-8", ...retryHeaders(status) },
    body: `<!doctype html>${renderToString(<Layout context={context} content={result} />)}`,
    session: result.session,
  };
}
