import { expect, test } from "bun:test";
import { digestOf } from "../../src/primitives/digest.ts";
import { afterThisTest } from "../support/cleanup.ts";
import { containerTools } from "../support/containers.ts";
import { eventually } from "../support/eventually.ts";
import { addAlice, type Everlock, sshRun } from "../support/everlock.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { randomBytes } from "../support/random-bytes.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { startNode } from "../support/s3-cluster.ts";
import { sharedS3Server } from "../support/s3-server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith } from "../support/tools.ts";

const REPOSITORY = "team/app";

describeWith(["versitygw", "podman", "ssh", "sshpass"], "a node of an object store", () => {
  const bucket = sharedS3Server();

  test("serves the guide's first run with podman, and again from an empty data directory", async () => {
    const location = bucket();
    const node = await startNode(location);
    const podman = containerTools();
    const layout = makeLayout();
    await addAlice(node);
    const image = `${node.registry}/alpine:demo`;
    const flags = ["--tls-verify=false"];
    await podman.must("podman", "login", ...flags, "-u", "alice", "-p", "change-me", node.registry);
    await podman.must("podman", "pull", "-q", `oci:${layout.dir}:image`);
    const [id = ""] = (await podman.must("podman", "images", "-q", "--no-trunc")).split("\n");
    await podman.must("podman", "tag", id, image);
    await podman.must("podman", "push", "-q", ...flags, image);
    await podman.must("podman", "push", "-q", ...flags, image, `${node.registry}/alice/alpine:demo`);
    await podman.must("podman", "rmi", "--all", "--force");
    expect((await podman.must("podman", "pull", "-q", ...flags, image)).trim()).toBe(
      id.replace("sha256:", ""),
    );
    const log = "/oci log default alpine:demo";
    const told = (await node.console(log)).stdout;
    expect(told).toContain("alice");
    expect(await node.end()).toBe(0);

    const again = await startNode(location);
    expect((await again.console(log)).stdout).toBe(told);
    const anywhere = new RegistryClient(again.httpPort, "alice/alpine");
    await anywhere.verifyImage("demo");
  }, 60_000);
});

describeWith(["versitygw", "ssh", "sshpass"], "a node with a cache, and one that redirects", () => {
  const bucket = sharedS3Server();

  test("serve large blobs whole and in part", async () => {
    const location = bucket();
    const cacheDir = `${temporaryDirectory()}/cache`;
    const cached = await startNode(location, { args: ["--cache-dir", cacheDir, "--cache-size", "64MiB"] });
    const redirecting = await startNode(location, { args: ["--storage-redirect", "1MiB"] });
    await addAlice(cached);
    const { layer } = await clientOf(cached).pushImage("v1", 3_000_000);
    for (let i = 0; i < 4; i++) await clientOf(cached).verifyImage("v1");
    const isCached = async () =>
      (await Array.fromAsync(new Bun.Glob(`sha256/*/*`).scan(cacheDir))).length === 1;
    expect(await eventually(isCached)).toBe(true);
    await clientOf(cached).verifyImage("v1");
    const part = await clientOf(cached).fetch(`blobs/${layer}`, { headers: { Range: "bytes=5-9" } });
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 5]);

    const sent = await clientOf(redirecting).fetch(`blobs/${layer}`, { redirect: "manual" });
    expect(sent.status).toBe(307);
    expect(sent.headers.get("Location")).toStartWith(location.endpoint);
    const fetched = await fetch(sent.headers.get("Location") ?? "");
    expect(digestOf(new Uint8Array(await fetched.arrayBuffer()))).toBe(layer);
  }, 60_000);
});

/** Nodes over one bucket; `alice` may push. */
async function startNodes(location: Parameters<typeof startNode>[0], count: number): Promise<Everlock[]> {
  const nodes = await Promise.all(Array.from({ length: count }, () => startNode(location)));
  const [first] = nodes;
  if (first) await addAlice(first);
  return nodes;
}

const clientOf = ({ httpPort }: Everlock) => new RegistryClient(httpPort, REPOSITORY);

describeWith(["versitygw", "ssh", "sshpass"], "three nodes of an object store", () => {
  const bucket = sharedS3Server();

  test("that start at the same time agree on the administrator, the host key, users and their grants", async () => {
    const nodes = await startNodes(bucket(), 3);
    const lists = await Promise.all(nodes.map((node) => node.console("/users list")));
    expect(new Set(lists.map(({ stdout }) => stdout)).size).toBe(1);
    expect(lists[0]?.stdout).toContain("alice");
    const keys = nodes.map(({ sshPort }) => Bun.$`ssh-keyscan -p ${sshPort} 127.0.0.1`.quiet().text());
    const scanned = (await Promise.all(keys)).map((text) => text.replaceAll(/^\S+ |^#.*$/gm, "").trim());
    expect([new Set(scanned).size, scanned[0] === ""]).toEqual([1, false]);
  }, 60_000);

  test("show what was pushed to one of them on the others at once: by tag, by digest, in lists, as a blob", async () => {
    const clients = (await startNodes(bucket(), 3)).map(clientOf);
    for (let round = 0; round < 60; round++) {
      const [pusher, puller] = [clients[round % 3], clients[(round + 1 + (round % 2)) % 3]];
      if (!pusher || !puller) throw new Error("there is no node");
      const { digest, layer } = await pusher.pushImage(`v${round}`, 100);
      const [byTag, byDigest, blob, tags] = await Promise.all([
        puller.fetch(`manifests/v${round}`),
        puller.fetch(`manifests/${digest}`),
        puller.fetch(`blobs/${layer}`, { method: "HEAD" }),
        puller.fetch("tags/list"),
      ]);
      expect([byTag.status, byDigest.status, blob.status]).toEqual([200, 200, 200]);
      expect(byTag.headers.get("Docker-Content-Digest")).toBe(digest);
      expect(((await tags.json()) as { tags: string[] }).tags).toContain(`v${round}`);
      // The tag that every round moves is never an old one.
      const moved = await pusher.pushImage("latest", 100);
      const latest = await puller.fetch("manifests/latest", { method: "HEAD" });
      expect(latest.headers.get("Docker-Content-Digest")).toBe(moved.digest);
    }
  }, 60_000);

  test("have each acknowledged move of a tag once in a history that all tell alike", async () => {
    const nodes = await startNodes(bucket(), 3);
    const pushers = nodes.flatMap((node) => [clientOf(node), clientOf(node)]);
    const acknowledged = (
      await Promise.all(
        pushers.map(async (client) => {
          const digests: string[] = [];
          for (let i = 0; i < 8; i++) digests.push((await client.pushImage("latest", 50)).digest);
          return digests;
        }),
      )
    ).flat();
    const logs = await Promise.all(
      nodes.map((node) => node.console(`/oci log default ${REPOSITORY}:latest limit=100 --json`)),
    );
    expect(new Set(logs.map(({ stdout }) => stdout)).size).toBe(1);
    const text = logs[0]?.stdout ?? "";
    for (const digest of acknowledged) expect(text.split(digest).length).toBeGreaterThan(1);
    const heads = await Promise.all(
      nodes.map((node) => clientOf(node).fetch("manifests/latest", { method: "HEAD" })),
    );
    expect(new Set(heads.map(({ headers }) => headers.get("Docker-Content-Digest"))).size).toBe(1);
  }, 90_000);

  test("go on with an upload that another one began, after that was killed", async () => {
    const [first, second] = await startNodes(bucket(), 2);
    if (!first || !second) throw new Error("there is no node");
    const bytes = randomBytes(9_000_000);
    const [head, tail] = [bytes.slice(0, 7_000_000), bytes.slice(7_000_000)];
    const before = clientOf(first);
    const location = await before.startUpload();
    const patched = await before.fetch(location, { method: "PATCH", body: new Uint8Array(head) });
    expect(patched.status).toBe(202);
    await first.end("SIGKILL");
    const after = clientOf(second);
    const path = new URL(patched.headers.get("Location") ?? "", "http://localhost").pathname;
    const status = await after.fetch(path);
    expect([status.status, status.headers.get("Range")]).toEqual([204, "0-6999999"]);
    const digest = digestOf(bytes);
    const finished = await after.fetch(`${path}?digest=${digest}`, {
      method: "PUT",
      body: new Uint8Array(tail),
    });
    expect(finished.status).toBe(201);
    const pulled = await after.fetch(`blobs/${digest}`);
    expect(digestOf(new Uint8Array(await pulled.arrayBuffer()))).toBe(digest);
  }, 60_000);

  test("lose nothing that was acknowledged when they are killed in the middle of pushes", async () => {
    const location = bucket();
    const nodes = await startNodes(location, 2);
    let isOver = false;
    afterThisTest(() => {
      isOver = true;
    });
    const acknowledged: { tag: string; digest: string }[] = [];
    const pushers = nodes.map(async (node, n) => {
      const client = clientOf(node);
      for (let i = 0; !isOver; i++) {
        const tag = `n${n}-${i}`;
        const pushed = await client.pushImage(tag, 100).catch(() => undefined);
        if (!pushed) return;
        acknowledged.push({ tag, digest: pushed.digest });
      }
    });
    while (acknowledged.length < 20) await Bun.sleep(10);
    await Promise.all(nodes.map((node) => node.end("SIGKILL")));
    isOver = true;
    await Promise.all(pushers);
    const fresh = clientOf(await startNode(location));
    for (const { tag, digest } of acknowledged) expect(String(await fresh.verifyImage(tag))).toBe(digest);
  }, 60_000);

  test("let in whom one of them added, and nobody whom one of them disabled, within about a second", async () => {
    const [first, second] = await startNodes(bucket(), 2);
    if (!first || !second) throw new Error("there is no node");
    for (let i = 0; i < 5; i++) {
      const name = `user${i}`;
      const added = `/users add ${name} change-me\n/users grant ${name} http/oci/default writer\n`;
      expect((await first.console(undefined, added)).code).toBe(0);
      const client = new RegistryClient(second.httpPort, REPOSITORY, `${name}:change-me`);
      expect((await client.fetch("blobs/uploads/", { method: "POST" })).status).toBe(202);
    }
    const form = new URLSearchParams({ grant_type: "password", password: "change-me", service: "localhost" });
    for (let i = 5; i < 10; i++) {
      const name = `user${i}`;
      const added = `/users add ${name} change-me\n/users grant ${name} http/oci/default/${name}/** writer\n`;
      expect((await first.console(undefined, added)).code).toBe(0);
      form.set("username", name);
      form.set("scope", `repository:${name}/app:pull,push`);
      const request = { method: "POST", body: new URLSearchParams(form) };
      const answer = await new RegistryClient(second.httpPort, REPOSITORY, null).fetch("/token", request);
      expect(await answer.json()).toMatchObject({ scope: `repository:${name}/app:pull,push` });
      await new RegistryClient(first.httpPort, `${name}/app`, `${name}:change-me`).pushImage("v1", 100);
      const anybody = `/users grant anon http/oci/default/${name}/app reader`;
      expect((await first.console(anybody)).code).toBe(0);
      const anonymous = new RegistryClient(second.httpPort, REPOSITORY, null);
      if (i % 2 === 0) {
        const token = await anonymous.fetch(`/token?scope=repository:${name}/app:pull`);
        expect(await token.json()).toMatchObject({ scope: `repository:${name}/app:pull` });
      } else {
        const catalog = await anonymous.fetch("/v2/_catalog");
        expect(await catalog.json()).toMatchObject({ repositories: expect.arrayContaining([`${name}/app`]) });
      }
    }
    expect((await first.console("/users disable user0")).code).toBe(0);
    const disabled = new RegistryClient(second.httpPort, REPOSITORY, "user0:change-me");
    const status = async () => (await disabled.fetch("blobs/uploads/", { method: "POST" })).status;
    expect(await eventually(async () => (await status()) === 401)).toBe(true);
    expect((await sshRun(second.sshPort, "user0", "change-me", "/help")).code).toBe(5);
    expect((await sshRun(second.sshPort, "user1", "change-me", "/help")).code).toBe(0);
  }, 60_000);
});
