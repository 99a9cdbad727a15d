import { expect, test } from "bun:test";
import { IMAGE_INDEX, IMAGE_MANIFEST } from "../../../src/registry/model/media-types.ts";
import { APP, clientOf, jsonResponse, MANIFEST_DIGEST, repository, startUpstream, tag } from "./upstream.ts";

test("tags come in pages, by Link or after a tag", async () => {
  const upstream = startUpstream((_, url) =>
    url.searchParams.has("token")
      ? jsonResponse({ name: APP, tags: ["b", "not/a/tag", "c"] })
      : jsonResponse(
          { tags: ["a"] },
          { headers: { Link: `</v2/team/app/tags/list?token=x&n=1>; rel="next"` } },
        ),
  );
  const client = clientOf(upstream.origin);
  const first = await client.tags(APP, { limit: 1, after: { last: "0" } });
  if (first.kind !== "found" || first.next === undefined) throw new Error(first.kind);
  expect(first.entries).toEqual([tag("a")]);
  expect(await client.tags(APP, { limit: 1, after: { cursor: first.next } })).toEqual({
    kind: "found",
    entries: [tag("b"), tag("c")],
    next: undefined,
  });
  expect(upstream.requests).toEqual([
    "GET /v2/team/app/tags/list?n=1&last=0",
    "GET /v2/team/app/tags/list?token=x&n=1",
  ]);
});

test("no tags, written null, are an empty list; a repository that upstream does not know is unknown", async () => {
  const upstream = startUpstream((_, { pathname }) =>
    pathname.includes("gone") ? jsonResponse({}, { status: 404 }) : jsonResponse({ tags: null }),
  );
  const client = clientOf(upstream.origin);
  expect(await client.tags(APP, { limit: 10 })).toEqual({ kind: "found", entries: [], next: undefined });
  expect(await client.tags(repository("gone"), { limit: 10 })).toEqual({ kind: "unknown" });
});

test("the catalog is a list of repositories", async () => {
  const { origin } = startUpstream(() => jsonResponse({ repositories: ["team/app", "NOT", "z"] }));
  expect(await clientOf(origin).repositories({ limit: 10 })).toMatchObject({
    entries: [APP, repository("z")],
  });
});

test.each([
  [
    "another host",
    "<http://other.example/v2/team/app/tags/list?last=a>",
    "leads to another host, other.example",
  ],
  ["another address", "</secret?last=a>", "leads to another address"],
])("a Link to %s is refused", async (_, link, words) => {
  const { origin } = startUpstream(() =>
    jsonResponse({ tags: ["a"] }, { headers: { Link: `${link}; rel="next"` } }),
  );
  expect(await clientOf(origin).tags(APP, { limit: 10 })).toEqual({
    kind: "invalid",
    reason: `upstream ${origin}: the Link to the next page of a list ${words}`,
  });
});

test("a Link to the same page is refused", async () => {
  const { origin } = startUpstream((_, url) =>
    jsonResponse({ tags: ["a"] }, { headers: { Link: `<${url.pathname}?page=1>; rel="next"` } }),
  );
  const client = clientOf(origin);
  const first = await client.tags(APP, { limit: 10 });
  if (first.kind !== "found" || !first.next) throw new Error(first.kind);
  expect(await client.tags(APP, { limit: 10, after: { cursor: first.next } })).toMatchObject({
    kind: "invalid",
    reason: `upstream ${origin}: the Link to the next page of a list leads to the same page`,
  });
});

test("an endless list of tags is ended at a bound", async () => {
  const { origin } = startUpstream(
    () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(Buffer.from('{"tags":["a"')),
          pull: (controller) => controller.enqueue(Buffer.from(',"a"'.repeat(50_000))),
        }),
      ),
  );
  expect(await clientOf(origin).tags(APP, { limit: 10 })).toEqual({
    kind: "invalid",
    reason: `upstream ${origin}: the list of tags is longer than 8388608 bytes`,
  });
});

test.each(["<html>", "[]", '{"tags":"a"}'])("what is no list of tags is refused: %s", async (text) => {
  const { origin } = startUpstream(() => new Response(text));
  expect(await clientOf(origin).tags(APP, { limit: 10 })).toEqual({
    kind: "invalid",
    reason: `upstream ${origin}: what it sends as the list of tags is none`,
  });
});

const REFERRER = {
  mediaType: IMAGE_MANIFEST,
  digest: MANIFEST_DIGEST,
  size: 5,
  artifactType: "application/vnd.example.sbom",
  annotations: { a: "b" },
};

function indexResponse(manifests: unknown[], headers = {}): Response {
  return jsonResponse(
    { schemaVersion: 2, mediaType: IMAGE_INDEX, manifests },
    { headers: { "Content-Type": IMAGE_INDEX, ...headers } },
  );
}

test("referrers come from the API, of one type if asked for", async () => {
  const other = { ...REFERRER, artifactType: "application/vnd.example.signature" };
  const { origin } = startUpstream(() => indexResponse([REFERRER, other]));
  const client = clientOf(origin);
  expect(await client.referrers(APP, MANIFEST_DIGEST)).toEqual({
    kind: "found",
    referrers: [REFERRER, other],
  });
  expect(await client.referrers(APP, MANIFEST_DIGEST, REFERRER.artifactType)).toEqual({
    kind: "found",
    referrers: [REFERRER],
  });
});

test("where upstream has no API, referrers come from the tag, or are none", async () => {
  const upstream = startUpstream((_, { pathname }) =>
    pathname.endsWith(`/manifests/${MANIFEST_DIGEST.replace(":", "-")}`)
      ? indexResponse([REFERRER])
      : jsonResponse({}, { status: 404 }),
  );
  const client = clientOf(upstream.origin);
  expect(await client.referrers(APP, MANIFEST_DIGEST)).toEqual({ kind: "found", referrers: [REFERRER] });
  const none = `sha256:${"0".repeat(64)}` as typeof MANIFEST_DIGEST;
  expect(await client.referrers(APP, none)).toEqual({ kind: "found", referrers: [] });
});

test("referrers without an end are ended at a bound", async () => {
  let page = 0;
  const { origin, requests } = startUpstream((_, { pathname }) =>
    indexResponse([REFERRER], { Link: `<${pathname}?page=${++page}>; rel="next"` }),
  );
  expect((await clientOf(origin).referrers(APP, MANIFEST_DIGEST)).kind).toBe("invalid");
  expect(requests.length).toBe(100);
});
