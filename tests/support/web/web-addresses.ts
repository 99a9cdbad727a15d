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
  "/repositories/{repository}/-/restore": [({ tag, commit }) => `?tag=${tag}&to=${commit}`, () => "?to=0s"],
  "/repositories/{repository}/-/delete": [
    ({ tag }) => `?tag=${tag}`,
    ({ digest }) => `?digest=${digest}`,
    () => "?all=true",
    () => "?pattern=*",
  ],
  "/delete": [({ repository }) => `?selection=${repository}`],
  "/restore": [({ repository }) => `?selection=${repository}&to=0s`, () => "?selection=**&to=0s"],
  "/repositories/{repository}/-/tags": [() => "?text=v", () => "?sort=name&limit=1"],
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
const BODIES: Readonly<Record<string, unknown>> = {
  makeToken: { name: "made", lifetime: "90d" },
  addKey: { key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIJ5vKBZ3kL6xuJ9O6Y2Yx9o9jXkBrw1sNz0G7nPf9Rk made" },
  changePassword: { old: "change-me", password: "change-me" },
};

export function bodyOf({ operationId, body }: ApiRoute): unknown {
  if (body && BODIES[operationId] === undefined)
    throw new Error(`'${operationId}' has no example of a body in tests/support/web/web-addresses.ts`);
  return BODIES[operationId];
}
