import { expect, test } from "bun:test";
import type { Examples } from "../../support/web/hidden-world.ts";
import { CANARY, startHiddenWorld, stateOf } from "../../support/web/hidden-world.ts";
import { apiPaths, bodyOf, FORM_PAGES, formsIn, WRITE_ROUTES } from "../../support/web/web-addresses.ts";
import { basic, type Identity, session, strangers } from "../../support/web/web-identities.ts";

/** A request that changes something. */
interface Change {
  readonly name: string;
  readonly path: string;
  readonly method: string;
  readonly type: string;
  readonly body: string | undefined;
  /** Whether every user may do it, to the own account. */
  readonly isOwn: boolean;
}

const FORM = "application/x-www-form-urlencoded";

async function send(
  port: number,
  change: Change,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const { path, method, type, body } = change;
  const init = body === undefined || method === "GET" ? {} : { body };
  return fetch(`http://127.0.0.1:${port}${path}`, {
    ...{ method, redirect: "manual", ...init },
    headers: { Host: "localhost", Accept: "text/html", "Content-Type": type, ...headers },
  });
}

function routeChanges(examples: Examples): Change[] {
  return WRITE_ROUTES.map((route) => {
    const [path = ""] = apiPaths(route, examples);
    const body = bodyOf(route, examples);
    return {
      ...{ name: route.operationId, method: route.method, type: "application/json" },
      path: route.operationId === "deleteManifest" ? `${path}?yes=true` : path,
      body: body === undefined ? undefined : JSON.stringify(body),
      isOwn: path.startsWith("/api/v1/account"),
    };
  });
}

/** The forms that pages show to an administrator, previews with their tokens included. */
async function formChanges(port: number, examples: Examples, { headers }: Identity) {
  const changes: Change[] = [];
  const without: string[] = [];
  for (const { name, paths } of FORM_PAGES) {
    const before = changes.length;
    for (const path of paths(examples)) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { Host: "localhost", ...headers },
      });
      for (const { action, fields } of formsIn(await response.text()))
        changes.push({
          ...{ name: `${name} ${fields}`, path: action, method: "POST", type: FORM, body: fields.toString() },
          isOwn: action.startsWith("/account"),
        });
    }
    if (changes.length === before) without.push(name);
  }
  return { changes, without };
}

test("who may not change something is refused, as is another site's page, and nothing changes by a GET", async () => {
  const world = await startHiddenWorld();
  const { httpPort } = world;
  const refused = await strangers(world);
  const examples = await world.hide();
  const alice = await session(httpPort, "alice");
  const forms = await formChanges(httpPort, examples, alice);
  expect(forms.without).toEqual([]);
  const changes = [...routeChanges(examples), ...forms.changes];
  const state = await stateOf(world);
  const faults: string[] = [];
  const readers = [await session(httpPort, "reader"), basic("reader")];
  for (const user of [...refused, ...readers])
    for (const change of changes) {
      // Who has given a password may change the own account.
      if (change.isOwn && /^(?:nobody|stranger|reader) by (?:session|Basic)$/.test(user.name)) continue;
      const response = await send(httpPort, change, user.headers);
      // Pages send who has no session any more to the sign-in.
      const isRefused =
        [401, 403].includes(response.status) ||
        (response.status === 303 && response.headers.get("Location")?.startsWith("/sign-in"));
      if (!isRefused) faults.push(`${user.name} ${change.name}: ${response.status}`);
      if ((await response.text()).includes(CANARY)) faults.push(`${user.name} ${change.name} tells of it`);
    }
  const foreign: Readonly<Record<string, string>>[] = [
    { "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-site", Origin: "http://other.localhost" },
    { Origin: "http://localhost:1" },
    { Origin: "null" },
  ];
  for (const user of [alice, basic("alice")])
    for (const change of changes) {
      for (const headers of foreign) {
        const response = await send(httpPort, change, { ...user.headers, ...headers });
        if (response.status !== 403)
          faults.push(`${user.name} ${change.name} ${Object.values(headers)}: ${response.status}`);
      }
      if (change.type === FORM)
        await send(
          httpPort,
          { ...change, method: "GET", path: `${change.path}?${change.body}` },
          user.headers,
        );
      else if (change.method !== "POST") await send(httpPort, { ...change, method: "GET" }, user.headers);
    }
  expect(faults).toEqual([]);
  expect(await stateOf(world)).toBe(state);
}, 120_000);
