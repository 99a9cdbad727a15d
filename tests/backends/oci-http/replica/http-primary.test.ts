import { expect, test } from "bun:test";
import { encodePage, MAX_PAGE_OBJECTS } from "../../../../src/backends/oci-http/feed/history-page.ts";
import { HEAD_HEADER, HISTORY_TYPE } from "../../../../src/backends/oci-http/feed/replica-route.ts";
import {
  HttpPrimary,
  type HttpPrimaryOptions,
} from "../../../../src/backends/oci-http/replica/http-primary.ts";
import { PrimaryError } from "../../../../src/backends/oci-http/replica/primary-error.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import { nameObject } from "../../../../src/primitives/store/git/object.ts";
import { NO_COMMIT, type ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { startUpstream, upstreamUrl } from "../../../registry/client/upstream.ts";
import { makeCertificate } from "../../../support/certificate.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";
import { describeWith } from "../../../support/tools.ts";

const HEAD = "a".repeat(64) as ObjectId;
const ASKED = { haves: [HEAD], skip: 0, waitSeconds: 0 };
const BLOB = digestOf(Buffer.from("0123456789"));
const PAGE = { head: HEAD, from: HEAD, to: NO_COMMIT, skip: 0, commits: 1, remaining: 0 };
const BASIC = `Basic ${Buffer.from("admin:secret").toString("base64")}`;
const signal = new AbortController().signal;

function primaryAt(origin: string, options: Partial<HttpPrimaryOptions> = {}): HttpPrimary {
  const primary = new HttpPrimary({
    ...{ url: upstreamUrl(origin), registry: undefined, environment: {} },
    credentials: () => ({ username: "admin", password: "secret" }),
    ...options,
  });
  afterThisTest(() => primary.close());
  return primary;
}

const failure = (asked: Promise<unknown>) => asked.catch((error: unknown) => error);

async function bytesOf(blob: { readonly body: AsyncIterable<Uint8Array> } | undefined): Promise<string> {
  return Buffer.concat(await Array.fromAsync(blob?.body ?? [])).toString();
}

function asksForLogin(request: Request): Response | undefined {
  if (request.headers.get("Authorization") === BASIC) return undefined;
  return new Response(null, { status: 401, headers: { "WWW-Authenticate": 'Basic realm="everlock"' } });
}

test("a primary is asked below the path of its URL, for the registry of that name, with the login that it wants", async () => {
  const objects = [nameObject("blob", Buffer.from("hello"))];
  const page = await encodePage(PAGE, objects);
  const { origin, requests } = startUpstream(
    (request) => asksForLogin(request) ?? new Response(page, { headers: { "Content-Type": HISTORY_TYPE } }),
  );
  const primary = primaryAt(`${origin}/registry`, { registry: "team" });
  expect(await primary.history({ ...ASKED, waitSeconds: 20 }, signal)).toEqual({
    kind: "page",
    page: { ...PAGE, objects },
  });
  const asked = `GET /registry/v2/_everlock/replica/history?have=${HEAD}&wait=20&registry=team`;
  expect(requests).toEqual([asked, asked]);
  await primary.history(ASKED, signal);
  expect(requests).toHaveLength(3);
});

test("a primary without news, and one that does not know the commits, say where they are", async () => {
  let status = 204;
  const headers = { [HEAD_HEADER]: HEAD };
  const { origin } = startUpstream(() => new Response(null, { status, headers }));
  const primary = primaryAt(origin);
  expect(await primary.history(ASKED, signal)).toEqual({ kind: "current", head: HEAD });
  status = 409;
  expect(await primary.history(ASKED, signal)).toEqual({ kind: "diverged", head: HEAD });
});

test("a blob is asked for from an offset, also where the primary sends all of it, and one that is whole already has no more bytes", async () => {
  const { origin } = startUpstream((request) => {
    const from = Number(request.headers.get("Range")?.match(/\d+/)?.[0]);
    if (from === 10) return new Response(null, { status: 416 });
    return new Response("0123456789");
  });
  const primary = primaryAt(origin);
  expect(await bytesOf(await primary.blob(BLOB, 0, signal))).toBe("0123456789");
  expect(await bytesOf(await primary.blob(BLOB, 4, signal))).toBe("456789");
  expect(await bytesOf(await primary.blob(BLOB, 10, signal))).toBe("");
});

test("a blob is lacking only where the primary says that it does not have it", async () => {
  let code = "BLOB_UNKNOWN";
  const { origin } = startUpstream(() =>
    Response.json({ errors: [{ code, message: "no" }] }, { status: 404 }),
  );
  const primary = primaryAt(origin);
  expect(await primary.blob(BLOB, 0, signal)).toBeUndefined();
  code = "NAME_UNKNOWN";
  expect(String(await failure(primary.blob(BLOB, 0, signal)))).toContain("NAME_UNKNOWN: no");
});

test("a blob may lie in an object store, which gets no password; at a private address only if that is allowed", async () => {
  const authorizations: (string | null)[] = [];
  const storage = startUpstream((request) => {
    authorizations.push(request.headers.get("Authorization"));
    return new Response("0123456789");
  });
  const { origin } = startUpstream(
    (request) => asksForLogin(request) ?? Response.redirect(`${storage.origin}/x?signature=1`, 307),
  );
  const refused = await failure(primaryAt(origin).blob(BLOB, 0, signal));
  expect(String(refused)).toContain("upstream-private=allow permits it");
  expect(storage.requests).toEqual([]);
  expect(await bytesOf(await primaryAt(origin, { allowsPrivate: true }).blob(BLOB, 0, signal))).toBe(
    "0123456789",
  );
  expect(authorizations).toEqual([null]);
});

test("a blob of which nobody says how large it is may have no end, and is refused", async () => {
  const endless = new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(1000)) });
  const { origin } = startUpstream(() => new Response(endless));
  const error = await failure(primaryAt(origin).blob(BLOB, 0, signal));
  expect(String(error)).toContain("does not say how large the blob");
});

test("a history comes from the primary itself: a redirect is a failure that says whither", async () => {
  const { origin } = startUpstream(() => Response.redirect("https://primary.test/v2/?signature=secret", 301));
  const error = await failure(primaryAt(origin).history(ASKED, signal));
  expect(error).toBeInstanceOf(PrimaryError);
  expect(String(error)).toContain("it redirects the request for the history to https://primary.test");
  expect(String(error)).not.toContain("secret");
});

test("what a primary must not send ends in one line, without control characters, that names it", async () => {
  const bombs = Buffer.alloc(5 * (MAX_PAGE_OBJECTS + 1), 0);
  for (let at = 0; at < bombs.length; at += 5) bombs[at] = 2;
  const head = Buffer.from(JSON.stringify({ format: 1, objects: MAX_PAGE_OBJECTS, ...PAGE }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  const tooMany = await Bun.zstdCompress(Buffer.concat([length, head, bombs]));
  const page = { headers: { "Content-Type": HISTORY_TYPE } };
  const errors = [{ code: "DENIED", message: "\u001b[2Jno\u202e\r\nlogin: forged" }];
  const cases: [() => Response, string][] = [
    [() => new Response("<html>"), "it may be no Everlock"],
    [() => new Response(new Uint8Array(tooMany), page), "more objects than it says"],
    [() => new Response("no page", page), "can't be decompressed"],
    [() => Response.json({ errors }, { status: 403 }), "(DENIED: [2Jno login: forged)"],
    [() => new Response(null, { status: 500 }), "it answers 500"],
  ];
  for (const [answer, words] of cases) {
    const { origin } = startUpstream(answer);
    const error = await failure(primaryAt(origin).history(ASKED, signal));
    expect(error).toBeInstanceOf(PrimaryError);
    const { message } = error as PrimaryError;
    expect(message).toContain(words);
    expect(message).toContain(origin);
    expect(message).not.toMatch(/[^\x20-\x7e]/);
  }
});

test("a primary that has too many replicas is left alone for as long as it says", async () => {
  const { origin } = startUpstream(
    () => new Response(null, { status: 429, headers: { "Retry-After": "5" } }),
  );
  const error = await failure(primaryAt(origin).history(ASKED, signal));
  expect(error).toMatchObject({ retryAfterMs: 5000 });
});

test("a primary that says nothing is given up, after the time that it was asked to wait; one that breaks off, at once", async () => {
  const silent = startUpstream(() => new Promise<Response>(() => {}));
  const primary = primaryAt(silent.origin, { silenceMs: 50 });
  const began = performance.now();
  expect(String(await failure(primary.history({ ...ASKED, waitSeconds: 1 }, signal)))).toContain(
    "it did not answer within 1.05 s",
  );
  expect(performance.now() - began).toBeGreaterThan(1000);
  const trickle = startUpstream(
    () =>
      new Response(new ReadableStream({ start: (stream) => stream.enqueue(Buffer.from("x")) }), {
        headers: { "Content-Type": HISTORY_TYPE },
      }),
  );
  const slow = primaryAt(trickle.origin, { silenceMs: 50 });
  expect(String(await failure(slow.history(ASKED, signal)))).toContain("it sent nothing for 0.05 s");
});

describeWith(["openssl"], "the certificate of a primary", () => {
  test("counts where the CA of upstream-ca has signed it, which may be replaced meanwhile", async () => {
    const dir = temporaryDirectory();
    const [known, other] = await Promise.all(
      ["known", "other"].map((name) => makeCertificate(dir, name, ["127.0.0.1"])),
    );
    if (!known || !other) throw new Error("there is no certificate");
    const headers = { [HEAD_HEADER]: HEAD };
    const tls = { cert: known.certificate, key: known.key };
    const { origin } = startUpstream(() => new Response(null, { status: 204, headers }), tls);
    const texts = [await Bun.file(other.certificate).text(), await Bun.file(known.certificate).text()];
    const primary = primaryAt(origin, { ca: () => texts.shift() ?? "" });
    expect(String(await failure(primary.history(ASKED, signal)))).toContain("upstream-ca=");
    expect((await primary.history(ASKED, signal)).kind).toBe("current");
  });
});
