import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { digestOf } from "../../../src/primitives/digest.ts";
import type { BlobRequest } from "../../../src/registry/client/registry-client.ts";
import type { UpstreamOptions } from "../../../src/registry/client/upstream-options.ts";
import { CertificateAuthority } from "../../support/certificate-authority.ts";
import { randomBytes } from "../../support/random-bytes.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { describeWith } from "../../support/tools.ts";
import { APP, clientOf, startRawUpstream, startUpstream } from "./upstream.ts";

const SIZE = 3 * 1024 * 1024;
const LARGE = new Uint8Array(randomBytes(SIZE));
const DIGEST = digestOf(LARGE);

/** The bytes of the blob, or the reason why there are none. */
async function read(
  origin: string,
  options: Partial<UpstreamOptions> = {},
  request: BlobRequest = {},
): Promise<Uint8Array | string> {
  const opened = await clientOf(origin, options).openBlob(APP, DIGEST, { size: SIZE, ...request });
  if (opened.kind !== "found") return "reason" in opened ? opened.reason : opened.kind;
  const parts: Uint8Array[] = [];
  try {
    for await (const chunk of opened.body) parts.push(chunk);
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** What the connections of requests were, as the client asked. */
function servedBy(connections: (string | null)[]) {
  return (request: Request): Response => {
    connections.push(request.headers.get("connection"));
    const [, from] = request.headers.get("range")?.match(/^bytes=(\d+)-$/) ?? [];
    if (from === undefined) return new Response(LARGE);
    const headers = { "Content-Range": `bytes ${from}-${SIZE - 1}/${SIZE}` };
    return new Response(LARGE.subarray(Number(from)), { status: 206, headers });
  };
}

describe("a large blob", () => {
  test("comes over a connection of its own, whole or from an offset", async () => {
    const connections: (string | null)[] = [];
    const { origin } = startUpstream(servedBy(connections));
    expect(await read(origin)).toEqual(LARGE);
    expect(await read(origin, {}, { from: 1000 })).toEqual(LARGE.subarray(1000));
    expect(connections).toEqual(["close", "close"]);
  });

  test("comes in the usual way where what is left of it is small", async () => {
    const connections: (string | null)[] = [];
    const { origin } = startUpstream(servedBy(connections));
    expect(await read(origin, {}, { from: SIZE - 1000 })).toEqual(LARGE.subarray(-1000));
    expect(connections).not.toContain("close");
  });

  test("sent in chunks is asked for again in the usual way", async () => {
    const upstream = startUpstream(() => {
      const start = (body: ReadableStreamDefaultController) => {
        body.enqueue(LARGE);
        body.close();
      };
      return new Response(new ReadableStream({ start }));
    });
    expect(await read(upstream.origin)).toEqual(LARGE);
    expect(upstream.requests).toHaveLength(2);
  });

  test("that breaks off, or stops, is a failure that names upstream", async () => {
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`;
    const cut = await startRawUpstream((socket) => socket.end(`${head}abc`));
    expect(await read(cut.origin)).toBe(`upstream ${cut.origin}: it closed the connection`);
    const stuck = await startRawUpstream((socket) => socket.write(`${head}abc`));
    expect(await read(stuck.origin, { silenceMs: 50 })).toBe(
      `upstream ${stuck.origin}: it sent nothing for 0.05 s within a response`,
    );
    const mute = await startRawUpstream(() => undefined);
    expect(await read(mute.origin, { silenceMs: 50 })).toBe(
      `upstream ${mute.origin}: it did not answer within 0.05 s`,
    );
    expect(mute.requests).toHaveLength(1);
  });

  test("whose upstream sends a byte at a time is given up", async () => {
    const drip = await startRawUpstream((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      const timer = setInterval(() => socket.write("a"), 10);
      socket.on("close", () => clearInterval(timer));
    });
    expect(await read(drip.origin, { silenceMs: 100 })).toBe(`upstream ${drip.origin}: it sends too slowly`);
  });

  test("ends with the reason of the signal, before and while its bytes come", async () => {
    for (const sent of ["", `HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\nabc`]) {
      const aborting = new AbortController();
      const closed = Promise.withResolvers<void>();
      const { origin } = await startRawUpstream((socket) => {
        socket.on("close", () => closed.resolve());
        if (sent !== "") socket.write(sent);
        setTimeout(() => aborting.abort(new Error("enough")), 20);
      });
      const outcome = read(origin, {}, { signal: aborting.signal }).catch((error: Error) => error.message);
      expect(await outcome).toBe("enough");
      await closed.promise;
    }
  });

  test("is asked for with the credentials of its own upstream alone, and where a redirect leads", async () => {
    const seen: (string | null)[] = [];
    const storage = startUpstream((request) => {
      seen.push(request.headers.get("authorization"));
      return new Response(LARGE);
    });
    const { origin } = startUpstream((request) =>
      request.headers.get("authorization") === null
        ? new Response(null, { status: 401, headers: { "WWW-Authenticate": 'Basic realm="x"' } })
        : new Response(null, { status: 307, headers: { Location: `${storage.origin}/signed` } }),
    );
    const credentials = () => ({ username: "alice", password: "secret" });
    expect(await read(origin, { credentials, allowsPrivate: true })).toEqual(LARGE);
    expect(seen).toEqual([null]);
  });

  test("is not fetched from private addresses that a redirect leads to, whatever its name resolves to", async () => {
    const inside = startUpstream(() => new Response(LARGE));
    const answers = [["127.0.0.1", "::ffff:127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"]];
    const resolve = async () => answers.shift() ?? ["127.0.0.1"];
    for (const host of ["127.0.0.1", "[::1]", "rebound.example", "rebound.example", "rebound.example"]) {
      const headers = { Location: `http://${host}:${inside.port}/` };
      const { origin } = startUpstream(() => new Response(null, { status: 307, headers }));
      expect(await read(origin, { resolve })).toContain("private address");
    }
    expect(inside.requests).toEqual([]);
  });

  test("comes through the proxy that the environment names", async () => {
    const asked: string[] = [];
    const proxy = await startRawUpstream((socket, head) => {
      asked.push(head.slice(0, head.indexOf("\r\n")));
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      socket.write(LARGE);
    });
    const environment = { http_proxy: proxy.origin };
    expect(await read("http://upstream.example", { environment })).toEqual(LARGE);
    expect(asked).toEqual([`GET http://upstream.example/v2/${APP}/blobs/${DIGEST} HTTP/1.1`]);
  });
});

describeWith(["openssl"], "a large blob over TLS", () => {
  async function upstreamOf(host: string, days?: number) {
    const ca = await CertificateAuthority.make(temporaryDirectory());
    const { certificate, key } = await ca.issue(host, days);
    const connections: (string | null)[] = [];
    const upstream = startUpstream(servedBy(connections), { cert: certificate, key });
    const origin = upstream.origin.replace("127.0.0.1", "localhost");
    return { ...upstream, origin, ca: readFileSync(ca.certificate, "utf8"), connections };
  }

  test("comes over a connection of its own where the certificate is of the CA that was given", async () => {
    const { origin, ca, connections } = await upstreamOf("localhost");
    expect(await read(origin, { ca })).toEqual(LARGE);
    expect(connections).toEqual(["close"]);
  });

  test("is not even asked for where the certificate is of another CA, for other names, or expired", async () => {
    const [known, stranger] = [await upstreamOf("localhost"), await upstreamOf("localhost")];
    expect(await read(known.origin)).toContain("its certificate is from an unknown CA");
    expect(await read(known.origin, { ca: stranger.ca })).toContain("its certificate is from an unknown CA");
    const other = await upstreamOf("other.example");
    expect(await read(other.origin, { ca: other.ca })).toContain("its certificate is for other host names");
    const byAddress = other.origin.replace("localhost", "127.0.0.1");
    expect(await read(byAddress, { ca: other.ca })).toContain("its certificate is for other host names");
    const old = await upstreamOf("localhost", 0);
    expect(await read(old.origin, { ca: old.ca })).toContain("its certificate has expired");
    for (const { requests } of [known, other, old]) expect(requests).toEqual([]);
  });
});
