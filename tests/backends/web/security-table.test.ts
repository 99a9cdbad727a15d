import { describe, expect, test } from "bun:test";
import { CANARY, type Examples, MISSING, startHiddenWorld } from "../../support/web/hidden-world.ts";
import { READ_ADDRESSES } from "../../support/web/web-addresses.ts";
import { everyLogin, type Identity, session, strangers } from "../../support/web/web-identities.ts";

/** A response as text: status, headers and body, without what differs from second to second. */
async function answer(port: number, path: string, { headers }: Identity, method = "GET"): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    ...{ method, redirect: "manual" },
    headers: { Host: "localhost", ...headers },
  });
  const sent = [...response.headers].filter(([name]) => name !== "date" && name !== "content-length");
  const body = withoutTokenUse((await response.text()).replace(/(<time[^>]*>)[^<]*/g, "$1"), path);
  return [String(response.status), ...sent.map((pair) => pair.join(": ")), "", body].join("\n");
}

/** An account without the last use of its API tokens, which these requests are themselves. */
function withoutTokenUse(body: string, path: string): string {
  if (!/^(?:\/api\/v1)?\/account/.test(path)) return body;
  return body.replace(/,"lastUsed":"[^"]*"/g, "").replace(/<td class="wide">(?:never|<time.*?)<\/td>/g, "");
}

/** What a text says once the names that were asked for are those of what is missing. */
function asIfMissing(text: string, existing: Examples): string {
  let replaced = text;
  for (const name of ["repository", "digest", "blob", "commit", "earlier"] as const) {
    const [from, to] = [existing[name], MISSING[name]];
    const hex = (value: string) => value.slice(value.indexOf(":") + 1);
    replaced = replaced
      .replaceAll(from, to)
      .replaceAll(encodeURIComponent(from), encodeURIComponent(to))
      // The link to the sign-in has the whole address as a parameter.
      .replaceAll(encodeURIComponent(encodeURIComponent(from)), encodeURIComponent(encodeURIComponent(to)))
      .replaceAll(hex(from).slice(0, 12), hex(to).slice(0, 12));
  }
  return replaced;
}

/** The text with everything in it that may be encoded in base64, such as cursors. */
function decoded(text: string): string {
  const encoded = text.match(/[A-Za-z0-9+/_-]{12,}/g) ?? [];
  return [
    text,
    decodeURIComponent(text.replace(/%(?![0-9a-fA-F]{2})/g, "%25")),
    ...encoded.map((part) => Buffer.from(part, "base64").toString()),
  ].join("\n");
}

const MOMENTS = ["", "at"] as const;

/** Each path, as of now and of the commit. */
function withMoments(paths: readonly string[], { commit }: Examples): string[] {
  return paths.flatMap((path) =>
    MOMENTS.map((moment) => (moment === "" ? path : `${path}${path.includes("?") ? "&" : "?"}at=${commit}`)),
  );
}

/** Runs through a list, a few at once. */
async function each<T>(list: readonly T[], work: (entry: T) => Promise<void>): Promise<void> {
  const left = [...list];
  const next = async () => {
    for (let entry = left.shift(); entry !== undefined; entry = left.shift()) await work(entry);
  };
  await Promise.all(Array.from({ length: 6 }, next));
}

describe("what a user may not read", () => {
  test("is in no response, and no response tells whether it exists", async () => {
    const world = await startHiddenWorld();
    const { httpPort } = world;
    const users = await strangers(world);
    const paths = READ_ADDRESSES.flatMap(({ paths }) => paths(MISSING));
    const before = new Map<string, string>();
    const all = users.flatMap((user) => paths.map((path) => ({ user, path })));
    await each(all, async ({ user, path }) => {
      before.set(`${user.name} ${path}`, await answer(httpPort, path, user));
    });
    const existing = await world.hide();
    const faults: string[] = [];
    await each(all, async ({ user, path }) => {
      // Nothing is another for who may not read it: no count, no order, no cursor.
      if ((await answer(httpPort, path, user)) !== before.get(`${user.name} ${path}`))
        faults.push(`${user.name} ${path} has changed`);
    });
    const asked = withMoments(
      READ_ADDRESSES.flatMap(({ paths }) => paths(existing)),
      existing,
    );
    const other = withMoments(paths, MISSING);
    const pairs = users.flatMap((user) =>
      asked.map((path, index) => ({ user, path, missing: other[index] ?? "" })),
    );
    await each(pairs, async ({ user, path, missing }) => {
      const text = await answer(httpPort, path, user);
      if (decoded(text).includes(CANARY)) faults.push(`${user.name} ${path} tells of it`);
      if (path.includes("at=")) return;
      if (asIfMissing(text, existing) !== (await answer(httpPort, missing, user)))
        faults.push(`${user.name} ${path} differs from ${missing}`);
    });
    expect(faults).toEqual([]);
  }, 60_000);

  test("is read by who may, in every way of logging in", async () => {
    const world = await startHiddenWorld();
    const existing = await world.hide();
    const owner = await session(world.httpPort, "alice");
    const faults: string[] = [];
    // The table shows something only if its examples do.
    await each(
      READ_ADDRESSES.filter(({ pattern }) => pattern !== ""),
      async ({ paths }) => {
        for (const path of paths(existing)) {
          const text = await answer(world.httpPort, path, owner);
          if (!/^(?:200|303)/.test(text)) faults.push(`alice ${path}: ${text.slice(0, 3)}`);
        }
      },
    );
    for (const user of ["reader", "writer", "owner", CANARY])
      for (const login of await everyLogin(world, user)) {
        const text = await answer(world.httpPort, "/api/v1/repositories/hidden/app/-/tags", login);
        if (!text.startsWith("200") || !text.includes(CANARY))
          faults.push(`${login.name}: ${text.slice(0, 300)}`);
      }
    expect(faults).toEqual([]);
  }, 60_000);
});
