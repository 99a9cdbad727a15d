import type { VNode } from "preact";
import type { RoutePattern } from "../requests/route-pattern.ts";
import type { WebResponse } from "../requests/web-calls.ts";
import type { WebContext } from "../requests/web-context.ts";

/** What a page shows; the layout adds the rest. */
export interface PageContent {
  readonly title: string;
  readonly body: VNode;
  /** 200 by default. */
  readonly status?: number;
  /** See `WebResponse`. */
  readonly session?: "end";
  /** Whether the page shows the same at any moment: the present, or moments that it names itself. */
  readonly isTimeless?: boolean;
}

/** Another page that is shown instead: 303. */
export class Redirect {
  readonly location: string;
  readonly session: WebResponse["session"];

  constructor(location: string, session?: WebResponse["session"]) {
    this.location = location;
    this.session = session;
  }
}

export type PageResult = PageContent | Redirect;

/** A page: its address, and what a GET shows. A submitted form is a POST to the same address. */
export interface Page {
  readonly pattern: RoutePattern<string>;
  /** Whether it depends on nothing but the request, commits, users and settings, so that it may be kept while these stay. */
  readonly isKept?: boolean;
  readonly show: (
    context: WebContext,
    path: Readonly<Record<string, string>>,
  ) => Promise<PageResult> | PageResult;
  readonly submit?: (
    context: WebContext,
    path: Readonly<Record<string, string>>,
    form: URLSearchParams,
  ) => Promise<PageResult> | PageResult;
}
