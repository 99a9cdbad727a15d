import { expect, test } from "bun:test";
import { digestOf } from "../../src/primitives/digest.ts";
import { addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { randomBytes } from "../support/random-bytes.ts";
import { bytesOf, RegistryClient } from "../support/registry-client.ts";
import { describeWith, must } from "../support/tools.ts";

const STORES = ["everlock-oci-local", "everlock-users"];

async function expectCleanStores(server: Everlock): Promise<void> {
  for (const store of STORES) {
    const repository = await server.repository(store);
    expect(await must(["git", "-C", repository, "fsck", "--strict", "--no-dangling"])).toBe("");
  }
}

async function hostKey(port: number): Promise<string> {
  return (
    (await must(["ssh-keyscan", "-p", String(port), "-t", "ed25519", "127.0.0.1"])).split(" ").at(-1) ?? ""
  );
}

describeWith(["git", "ssh", "sshpass"], "a restart", () => {
  test("after SIGTERM keeps users, grants, tags, the host key and an unfinished upload", async () => {
    const first = await startEverlock();
    await addAlice(first);
    const client = new RegistryClient(first.httpPort, "app");
    const { digest } = await client.pushImage("v1");
    const whole = randomBytes(500_000);
    const location = await client.startUpload();
    await client.fetch(location, { method: "PATCH", body: whole.slice(0, 200_000) });
    const key = await hostKey(first.sshPort);
    expect(await first.end("SIGTERM")).toBe(0);
    await expectCleanStores(first);

    const second = await startEverlock({ dataDir: first.dataDir });
    expect(await hostKey(second.sshPort)).toBe(key);
    expect((await second.console("/users grants alice")).stdout).toContain("grant: http/oci/default  writer");
    const again = new RegistryClient(second.httpPort, "app");
    expect(await again.verifyImage("v1")).toBe(digest);
    const status = await again.fetch(location);
    expect([status.status, status.headers.get("Range")]).toEqual([204, "0-199999"]);
    const rest = await again.fetch(location, {
      method: "PATCH",
      body: whole.slice(200_000),
      headers: { "Content-Range": "200000-499999" },
    });
    expect(rest.status).toBe(202);
    const finished = await again.fetch(`${location}?digest=${digestOf(whole)}`, { method: "PUT" });
    expect(finished.status).toBe(201);
    expect(digestOf(await bytesOf(await again.fetch(`blobs/${digestOf(whole)}`)))).toBe(digestOf(whole));
  }, 60_000);

  test("without the index rebuilds it, and keeps blobs that no manifest references yet", async () => {
    const first = await startEverlock();
    await addAlice(first);
    const client = new RegistryClient(first.httpPort, "app");
    const { digest } = await client.pushImage("v1");
    const loose = await client.pushBlob(randomBytes(1000));
    await first.end("SIGKILL");
    const indexes = first.nodes.map(({ dataDir }) => `${dataDir}/everlock-oci-local/index.sqlite`);
    for (const damage of [
      "rm -f $0*",
      "rm -f $0-*; printf garbage-garbage-garbage > $0",
      "rm -f $0-*; truncate -s 5000 $0",
    ]) {
      for (const index of indexes) await must(["sh", "-c", damage, index]);
      const next = await startEverlock({ dataDir: first.dataDir });
      const again = new RegistryClient(next.httpPort, "app");
      expect(await again.verifyImage("v1")).toBe(digest);
      expect((await again.fetch(`blobs/${loose}`, { method: "HEAD" })).status).toBe(200);
      await next.end("SIGKILL");
    }
  }, 60_000);
});
