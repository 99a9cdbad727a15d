import { expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { digestOf } from "../../src/primitives/digest.ts";
import { download } from "../../src/registry/client/download.ts";
import type { UpstreamOptions } from "../../src/registry/client/upstream-options.ts";
import { APP, clientOf, reference, repository, tag } from "../registry/client/upstream.ts";
import { binary } from "../support/binary.ts";
import { startDistribution } from "../support/distribution.ts";
import { ADMIN_PASSWORD, addAlice, startEverlock } from "../support/everlock.ts";
import { pushImageTo } from "../support/push-image.ts";
import { randomBytes } from "../support/random-bytes.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must } from "../support/tools.ts";

const USER = { name: "alice", password: "upstream-s3cret" };
const BASIC = `Basic ${Buffer.from(`${USER.name}:${USER.password}`).toString("base64")}`;
const V1 = reference("v1");

/** Pulls an image with the client, and compares every byte. */
async function pullsAll(url: string, authorization: string | undefined, options: Partial<UpstreamOptions>) {
  const layer = randomBytes(300_000);
  const { manifest } = await pushImageTo(url, APP, "v1", { layer, ...(authorization && { authorization }) });
  const client = clientOf(url, options);
  const digest = digestOf(manifest);
  expect(await client.headManifest(APP, V1)).toMatchObject({ kind: "found", digest, size: manifest.length });
  const found = await client.getManifest(APP, V1);
  if (found.kind !== "found") throw new Error(found.kind);
  expect(Buffer.compare(found.content, manifest)).toBe(0);
  for await (const part of download(client, APP, digestOf(layer), { size: layer.length })) void part;
  const rest = await client.openBlob(APP, digestOf(layer), { from: 299_000, size: layer.length });
  if (rest.kind !== "found") throw new Error(rest.kind);
  const parts: Uint8Array[] = [];
  for await (const part of rest.body) parts.push(part);
  expect(Buffer.compare(Buffer.concat(parts), layer.subarray(299_000))).toBe(0);
  expect(await client.tags(APP, { limit: 10 })).toMatchObject({ entries: [tag("v1")] });
  expect(await client.referrers(APP, digest)).toEqual({ kind: "found", referrers: [] });
  expect(await client.getManifest(APP, reference("gone"))).toEqual({ kind: "unknown" });
  expect(await client.headBlob(APP, digestOf(layer))).toEqual({ kind: "found", size: layer.length });
  return client;
}

describeWith(["registry"], "the client of upstreams", () => {
  test("reads from distribution without a login", async () => {
    const client = await pullsAll((await startDistribution()).url, undefined, {});
    expect(await client.repositories({ limit: 10 })).toMatchObject({ entries: [APP] });
  });

  test("reads from distribution with Basic credentials, and is denied without", async () => {
    const { url } = await startDistribution(USER);
    await pullsAll(url, BASIC, { credentials: () => ({ username: USER.name, password: USER.password }) });
    expect(await clientOf(url).getManifest(APP, V1)).toEqual({
      kind: "denied",
      reason: `upstream ${url}: it wants credentials for a manifest`,
    });
  });
});

test("the client of upstreams reads from another Everlock with tokens, and anonymously what anyone may read", async () => {
  const server = await startEverlock();
  await addAlice(server);
  await server.console("/users grant anon http/oci/default/team/public reader");
  const url = `http://${server.registry}`;
  const authorization = `Basic ${Buffer.from("alice:change-me").toString("base64")}`;
  await pullsAll(url, authorization, { credentials: () => ({ username: "alice", password: "change-me" }) });
  await pushImageTo(url, "team/public", "v1", { authorization, layer: randomBytes(100) });
  const anonymous = clientOf(url);
  expect((await anonymous.getManifest(repository("team/public"), V1)).kind).toBe("found");
  expect((await anonymous.getManifest(APP, V1)).kind).toBe("denied");
});

describeWith(["registry", "sshpass"], "the credential of a mirror", () => {
  test("is asked for unseen, used for upstream alone, in no log, list, page or commit, in backups, and dropped with upstream=", async () => {
    const { url } = await startDistribution(USER);
    const layer = randomBytes(50_000);
    await pushImageTo(url, APP, "v1", { authorization: BASIC, layer });
    const server = await startEverlock();
    await server.console(`/oci create hub vhost=hub.local upstream=${url}`);
    const pull = () =>
      fetch(`http://127.0.0.1:${server.httpPort}/v2/${APP}/manifests/v1`, {
        headers: {
          Host: "hub.local",
          Authorization: `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString("base64")}`,
        },
      });
    expect((await pull()).status).toBe(404);
    const kept = await server.console("/oci credential hub alice", `${USER.password}\n`);
    expect(kept.stdout.trim()).toBe(`credential of 'hub' kept, for ${url} alone`);
    expect((await pull()).status).toBe(200);
    const shown = await Promise.all(
      ["/oci list --json", "/status", "/oci log hub", "/config show"].map((line) => server.console(line)),
    );
    expect(`${JSON.stringify(shown)}${server.log()}`).not.toContain(USER.password);
    const secret = `${server.dataDir}/upstream_credentials`;
    expect(statSync(secret).mode & 0o777).toBe(0o600);
    const backup = `${temporaryDirectory()}/backup`;
    const printed = await must([binary(), "backup", backup, "--data-dir", server.dataDir]);
    expect(printed).not.toContain(USER.password);
    expect(readFileSync(`${backup}/upstream_credentials`, "utf8")).toBe(readFileSync(secret, "utf8"));
    await server.console("/oci set hub upstream=http://127.0.0.1:9");
    expect(JSON.parse(readFileSync(secret, "utf8"))).toEqual({});
  });

  test("of a proxy is used below its prefix alone, and dropped with the proxy", async () => {
    const { url } = await startDistribution(USER);
    await pushImageTo(url, APP, "v1", { authorization: BASIC, layer: randomBytes(50_000) });
    const file = `${temporaryDirectory()}/config.json`;
    const auth = Buffer.from(`${USER.name}:${USER.password}`).toString("base64");
    writeFileSync(file, JSON.stringify({ auths: { [url]: { auth } } }));
    const server = await startEverlock({ args: ["--upstream-credentials", file] });
    await server.console(`/oci set default proxy=hub/**,${url} proxy=other/**,${url}`);
    await server.console("/users grant anon http/oci/default reader");
    const pull = async (prefix: string) =>
      (await fetch(`http://${server.registry}/v2/${prefix}/${APP}/manifests/v1`)).status;
    expect(await pull("hub")).toBe(404);
    const refused = await server.console("/oci credential default alice", `${USER.password}\n`);
    expect(refused.stderr).toContain("name that: proxy=hub/**, proxy=other/**");
    const kept = await server.console("/oci credential default alice proxy=hub/**", `${USER.password}\n`);
    expect(kept.stdout.trim()).toBe(`credential of 'default' for proxy=hub/** kept, for ${url} alone`);
    expect([await pull("hub"), await pull("other")]).toEqual([200, 404]);
    await server.console(`/oci set default proxy=hub/**,${url} proxy=other/**,${url},credentials=allow`);
    expect(await pull("other")).toBe(200);
    await server.console("/oci set default proxy=other/**,docker.io");
    expect(JSON.parse(readFileSync(`${server.dataDir}/upstream_credentials`, "utf8"))).toEqual({});
  });
});
