import type { ApiRoute } from "../../../src/backends/web/api/api-route.ts";
import { API_ROUTES } from "../../../src/backends/web/api/api-table.ts";
import type { Page } from "../../../src/backends/web/pages/page.ts";
import { PAGES } from "../../../src/backends/web/pages/page-table.ts";
import type { Examples } from "./hidden-world.ts";

type ExampleOf = (examples: Examples) => string;

/** The value of each parameter in paths. A new parameter gets a line here. */
const PATH_VALUES: Readonly<Record<string, ExampleOf>> = {
  repository: ({ repository }) => repository,
  tag: ({ tag }) => tag,
  digest: ({ digest }) => digest,
  reference: ({ tag }) => tag,
  blob: ({ blob }) => blob,
  commit: ({ commit }) => commit,
  id: () => "0a1b2c3d4e",
  fingerprint: () => "SHA256:none",
};

/** Queries that name something, beside the page without a query. `*`: for every page and route that has the parameter. */
const QUERIES: Readonly<Record<string, readonly ExampleOf[]>> = {
  "/": [() => "?text=app", () => "?sort=size&descending=true", () => "?sort=pushed", () => "?limit=1"],
  "/repositories/{repository}/-/restore": [
    ({ tag, commit }) => `?tag=${tag}&to=${commit}`,
    ({ earlier }) => `?to=${earlier}`,
    () => "?to=0s",
  ],
  "/repositories/{repository}/-/retag": [
    ({ tag }) => `?source=${tag}&tag=other`,
    ({ digest, tag }) => `?source=${digest}&tag=${tag}`,
  ],
  "/repositories/{repository}/-/delete": [
    ({ tag }) => `?tag=${tag}`,
    ({ digest }) => `?digest=${digest}`,
    () => "?all=true",
    () => "?pattern=*",
  ],
  "/delete": [({ repository }) => `?selection=${repository}`],
  "/repositories/{repository}/-/tags": [() => "?text=v", () => "?sort=name&limit=1"],
  "/restore": [
    ({ repository, earlier }) => `?selection=${repository}&to=${earlier}`,
    ({ repository }) => `?selection=${repository}&to=0s`,
    () => "?selection=**&to=0s",
  ],
  "/repositories": [() => "?text=app", () => "?sort=size&descending=true", () => "?limit=1"],
  "/log": [
    () => "?limit=1",
    () => "?kind=push&user=owner",
    ({ repository }) => `?repository=${repository}`,
    ({ repository, tag }) => `?repository=${repository}&tag=${tag}`,
  ],
  "/repositories/{repository}/-/log": [({ tag }) => `?tag=${tag}`],
  "/compare": [
    () => "?from=1970-01-01",
    ({ commit }) => `?from=1970-01-01&to=${commit}`,
    ({ repository }) => `?from=1970-01-01&repository=${repository}`,
  ],
};

/** Queries without which a page shows nothing. */
const REQUIRED: Readonly<Record<string, ExampleOf>> = {
  "/compare": ({ commit }) => `?from=${commit}`,
  "/repositories/{repository}/-/referrers": ({ digest }) => `?digest=${digest}`,
  "/repositories/{repository}/-/compare": ({ tag }) => `?from=${tag}&to=${tag}`,
};

/** An address of a page or a route of the API. */
export interface WebAddress {
  /** As a test names it: `GET /api/v1/log`. */
  readonly name: string;
  readonly pattern: string;
  readonly isApi: boolean;
  /** Its paths, with queries; the first is the one without what is optional. */
  readonly paths: (examples: Examples) => readonly string[];
}

/** The path of a pattern with the values of `examples`. */
export function pathOf(pattern: string, examples: Examples): string {
  return pattern.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = PATH_VALUES[name]?.(examples);
    if (value === undefined)
      throw new Error(
        `${pattern}: the parameter '${name}' has no example in tests/support/web/web-addresses.ts`,
      );
    return value;
  });
}

function addressOf(name: string, pattern: string, isApi: boolean): WebAddress {
  const root = isApi ? "/api/v1" : "";
  return {
    ...{ name, pattern, isApi },
    paths: (examples) => {
      const path = root + pathOf(pattern, examples);
      const required = REQUIRED[pattern]?.(examples) ?? "";
      const more = QUERIES[pattern] ?? [];
      return [path + required, ...more.map((query) => path + query(examples))];
    },
  };
}

export const PAGE_ADDRESSES: readonly WebAddress[] = PAGES.map(({ pattern: { path } }: Page) =>
  addressOf(path, path, false),
);

export const READ_ROUTES: readonly ApiRoute[] = API_ROUTES.filter(({ method }) => method === "GET");

/** All that a GET can ask for. */
export const READ_ADDRESSES: readonly WebAddress[] = [
  ...PAGE_ADDRESSES,
  ...READ_ROUTES.map(({ pattern: { path } }) => addressOf(`/api/v1${path}`, path, true)),
  { name: "the OpenAPI document", pattern: "", isApi: true, paths: () => ["/api/v1/openapi.json"] },
  { name: "no page", pattern: "", isApi: false, paths: () => ["/no-such-page"] },
  { name: "no route", pattern: "", isApi: true, paths: () => ["/api/v1/no-such-route"] },
];

/** The addresses of a route of the API, with the queries that have examples. */
export function apiPaths({ pattern: { path } }: ApiRoute, examples: Examples): readonly string[] {
  return addressOf(path, path, true).paths(examples);
}

/** A valid body of each route that requires one, by the route's `operationId`. A new route gets a line here. */
const BODIES: Readonly<Record<string, (examples: Examples) => unknown>> = {
  makeToken: () => ({ name: "made", lifetime: "90d" }),
  addKey: () => ({
    key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIJ5vKBZ3kL6xuJ9O6Y2Yx9o9jXkBrw1sNz0G7nPf9Rk made",
  }),
  changePassword: () => ({ old: "change-me", password: "change-me" }),
  restoreRepository: ({ earlier }) => ({ to: earlier, yes: true }),
  restoreRegistry: ({ repository, earlier }) => ({ selection: repository, to: earlier, yes: true }),
  setTag: ({ tag }) => ({ source: tag, tag: "other", yes: true }),
  deleteContent: ({ tag }) => ({ tags: [tag], yes: true }),
  deleteSelection: ({ repository, tag }) => ({ selection: `${repository}:${tag}`, yes: true }),
  undoCommit: () => ({ yes: true }),
};

export function bodyOf({ operationId, body }: ApiRoute, examples: Examples): unknown {
  if (body && !BODIES[operationId])
    throw new Error(`'${operationId}' has no example of a body in tests/support/web/web-addresses.ts`);
  return BODIES[operationId]?.(examples);
}

/** All routes that change something. */
export const WRITE_ROUTES: readonly ApiRoute[] = API_ROUTES.filter(({ method }) => method !== "GET");

/** The pages with a form that changes something; a sign-in has its own tests. */
export const FORM_PAGES: readonly WebAddress[] = PAGES.filter(
  ({ submit, pattern }) => submit && !pattern.path.startsWith("/sign-"),
).map(({ pattern: { path } }) => addressOf(path, path, false));

/** A form that an HTML page has, with the values of its fields. */
export interface FoundForm {
  readonly action: string;
  readonly fields: URLSearchParams;
}

/** The forms of a page that are sent by POST, but for that of the sign-out. */
export function formsIn(html: string): FoundForm[] {
  const forms: FoundForm[] = [];
  for (const [, head = "", inner = ""] of html.matchAll(/<form([^>]*method="post"[^>]*)>(.*?)<\/form>/gs)) {
    const action = attribute(head, "action") ?? "";
    const fields = new URLSearchParams();
    for (const [, input = ""] of inner.matchAll(/<(?:input|textarea|button)([^>]*)>/g)) {
      const name = attribute(input, "name");
      if (name !== undefined) fields.append(name, attribute(input, "value") ?? "x");
    }
    if (!action.startsWith("/sign-out")) forms.push({ action, fields });
  }
  return forms;
}

function attribute(text: string, name: string): string | undefined {
  const [, value] = text.match(new RegExp(`\\b${name}="([^"]*)"`)) ?? [];
  return value?.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&amp;", "&");
}
