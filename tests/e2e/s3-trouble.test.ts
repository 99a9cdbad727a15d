import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { eventually } from "../support/eventually.ts";
import { addAlice, type Everlock } from "../support/everlock.ts";
import { freePort } from "../support/free-port.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { NODE_ENV, nodeArgs, startNode } from "../support/s3-cluster.ts";
import { bucketAt, sharedS3Server } from "../support/s3-server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, run } from "../support/tools.ts";
import { TroubleProxy } from "../support/trouble-proxy.ts";

const OPS = ["--frontend-ops-listen", "127.0.0.1:0"];

describeWith(["versitygw"], "a node that can't use its object store", () => {
  const bucket = sharedS3Server();

  const serve = (args: readonly string[], env: Record<string, string> = NODE_ENV) =>
    run([binary(), "serve", "--data-dir", `${temporaryDirectory()}/data`, ...args], { env });

  test("says in one line what is wrong with keys, bucket or address, and exits with 1", async () => {
    const location = bucket();
    const away = { ...location, endpoint: `http://127.0.0.1:${freePort()}` };
    const attempts = [
      await serve(nodeArgs(location), { ...NODE_ENV, AWS_SECRET_ACCESS_KEY: "wrong" }),
      await serve(nodeArgs(location), { ...NODE_ENV, AWS_ACCESS_KEY_ID: "nobody" }),
      await serve(nodeArgs({ ...location, bucket: "missing" })),
      await serve(nodeArgs(away)),
    ];
    const reasons = [
      "the secret key is wrong",
      "does not know the access key",
      "'missing' does not exist",
      "fails",
    ];
    for (const [i, { code, stderr }] of attempts.entries()) {
      expect([code, stderr.trim().split("\n").length]).toEqual([1, 1]);
      expect(stderr).toContain(reasons[i] ?? "");
    }
  }, 60_000);

  test("does not serve a data directory that holds stores, nor the directory of another bucket's node", async () => {
    const location = bucket();
    const dataDir = `${temporaryDirectory()}/data`;
    mkdirSync(`${dataDir}/everlock-users/objects`, { recursive: true });
    const args = ["--frontend-http-listen-http", "127.0.0.1:0", "--frontend-ssh-listen", "127.0.0.1:0"];
    const own = await run([binary(), "serve", "--data-dir", dataDir, ...args, ...nodeArgs(location)], {
      env: NODE_ENV,
    });
    expect([own.code, own.stderr]).toEqual([1, expect.stringContaining("holds stores of its own")]);
    const node = await startNode(location);
    await node.end();
    const other = await run(
      [binary(), "serve", "--data-dir", node.dataDir, ...args, ...nodeArgs({ ...location, prefix: "other" })],
      { env: NODE_ENV },
    );
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining("belongs to a node of s3://")]);
    // As after the bucket was emptied: what the node derived is about something else.
    await bucketAt(location).remove("everlock.json");
    const again = await run([binary(), "serve", "--data-dir", node.dataDir, ...args, ...nodeArgs(location)], {
      env: NODE_ENV,
    });
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("of what was in s3://")]);
    const backup = await run([
      binary(),
      "backup",
      `${temporaryDirectory()}/backup`,
      "--data-dir",
      node.dataDir,
    ]);
    expect([backup.code, backup.stderr]).toEqual([1, expect.stringContaining("give --storage s3://")]);
    const fsck = await run([binary(), "fsck", "--data-dir", node.dataDir]);
    expect([fsck.code, fsck.stderr]).toEqual([1, expect.stringContaining("it holds no stores")]);
  }, 60_000);
});

const ready = async ({ opsPort }: Everlock) => (await fetch(`http://127.0.0.1:${opsPort}/readyz`)).status;

const UP = "everlock_object_store_up";

async function metric({ opsPort }: Everlock, sample: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`${sample} `));
  if (line === undefined) throw new Error(`there is no sample ${sample}`);
  return Number(line.slice(sample.length + 1));
}

describeWith(["versitygw", "ssh", "sshpass"], "a node whose object store", () => {
  const bucket = sharedS3Server();

  async function open() {
    const proxy = new TroubleProxy(bucket());
    const node = await startNode(proxy.location, { args: OPS });
    await addAlice(node);
    const client = new RegistryClient(node.httpPort, "team/app");
    const pushed = await client.pushImage("v1", 1000);
    return { proxy, node, client, pushed };
  }

  test.each(["cut", "silent", "busy", "failing"] as const)(
    "is away (%s) serves what it knows, refuses the rest for a while, and recovers by itself",
    async (mode) => {
      const { proxy, node, client, pushed } = await open();
      expect(await ready(node)).toBe(200);
      proxy.mode = mode;
      expect((await client.fetch(`manifests/${pushed.digest}`)).status).toBe(200);
      const refused = await Promise.all([
        client.fetch("manifests/v1"),
        client.fetch("tags/list"),
        client.fetch("blobs/uploads/", { method: "POST" }),
        client.putManifest("v2", pushed.manifest),
      ]);
      for (const { status, headers } of refused)
        expect([status, headers.get("Retry-After")]).toEqual([503, "10"]);
      expect(await eventually(async () => (await metric(node, UP)) === 0, 5000)).toBe(true);
      const asked = performance.now();
      const more = await Promise.all(Array.from({ length: 40 }, () => client.fetch("manifests/v1")));
      expect(performance.now() - asked).toBeLessThan(2000);
      expect(more.map(({ status }) => status)).toEqual(more.map(() => 503));
      expect(await eventually(async () => (await ready(node)) === 503, 20_000)).toBe(true);
      proxy.mode = "pass";
      expect(await eventually(async () => (await ready(node)) === 200, 20_000)).toBe(true);
      expect(String(await client.verifyImage("v1"))).toBe(pushed.digest);
      await client.pushImage("v3", 100);
      expect([
        await metric(node, UP),
        (await metric(node, 'everlock_object_store_withheld_total{reason="away"}')) > 0,
        (await metric(node, 'everlock_log_behind_seconds{store="everlock-oci-local"}')) < 10,
        (await metric(node, 'everlock_log_unmerged_entries{store="everlock-oci-local"}')) > 0,
      ]).toEqual([1, true, true, true]);
      expect(node.log()).toContain("the storage can't be used for now");
      expect(node.log()).not.toContain(" error ");
    },
    90_000,
  );

  test("begins its answers and never ends them: clients are refused within seconds, and /readyz says so", async () => {
    const { proxy, node, client, pushed } = await open();
    proxy.mode = "stalling";
    const asked = performance.now();
    const seconds = () => (performance.now() - asked) / 1000;
    const refused = await Promise.all([
      client.fetch("manifests/v1"),
      client.fetch("tags/list"),
      client.fetch(`blobs/sha256:${"0".repeat(64)}`),
      client.fetch("manifests/v1", { method: "HEAD" }),
    ]);
    expect(seconds()).toBeLessThan(9);
    for (const { status, headers } of refused)
      expect([status, headers.get("Retry-After")]).toEqual([503, "10"]);
    expect((await client.fetch(`manifests/${pushed.digest}`)).status).toBe(200);
    expect(await eventually(async () => (await ready(node)) === 503, 10_000)).toBe(true);
    expect(seconds()).toBeLessThan(12);
    proxy.mode = "pass";
    expect(await eventually(async () => (await ready(node)) === 200, 20_000)).toBe(true);
    expect(String(await client.verifyImage("v1"))).toBe(pushed.digest);
    expect(node.log()).toContain("no more bytes within");
  }, 60_000);

  test("loses the answers of writes that were done keeps each acknowledged push once, and no other twice", async () => {
    const { proxy, node, client, pushed } = await open();
    const acknowledged: string[] = [];
    for (let i = 0; i < 12; i++) {
      const push = client.putManifest(`t${i}`, pushed.manifest);
      if (i % 3 === 1) {
        proxy.mode = "unanswered";
        await Bun.sleep(60);
        proxy.mode = "pass";
      }
      const { status } = await push;
      expect([201, 503]).toContain(status);
      if (status === 201) acknowledged.push(`t${i}`);
    }
    await eventually(async () => (await client.fetch("tags/list")).status === 200);
    const { tags } = (await (await client.fetch("tags/list")).json()) as { tags: string[] };
    expect(tags).toEqual(expect.arrayContaining(acknowledged));
    const { stdout } = await node.console("/oci log default limit=100 --json");
    const subjects = stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { subject: string }).subject);
    expect(subjects).toHaveLength(new Set(subjects).size);
    for (const tag of acknowledged) expect(subjects).toContain(`push team/app:${tag}`);
  }, 60_000);
});
