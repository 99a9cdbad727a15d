import { expect, test } from "bun:test";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

/** A name of 120 components, which no pattern below matches. */
const LONG_NAME = Array(120).fill("a").join("/");

describeWith(["ssh", "sshpass"], "patterns with exponentially many ways to match", () => {
  test("block no HTTP thread: in an API token, in grants, in write-once tags, also after the user is disabled", async () => {
    const server = await startEverlock();
    await addAlice(server);
    for (const [i, below] of [
      `${"**/".repeat(14)}x`,
      `${"**/a/".repeat(14)}x`,
      `${"**/*/".repeat(14)}x`,
    ].entries()) {
      const path = `http/oci/default/${below}`;
      const made = await server.console(`/users token add alice name=t${i} path=${path} role=reader`);
      const token = made.stdout.match(/evl_[\w-]+/)?.[0];
      expect(token).toBeDefined();
      expect((await server.console(`/users grant anon ${path} reader`)).code).toBe(0);
      const client = new RegistryClient(server.httpPort, LONG_NAME, `alice:${token}`);
      const statuses = await Promise.all(
        Array.from({ length: 16 }, async (_, n) => (await client.fetch(`manifests/v${n}`)).status),
      );
      expect(new Set(statuses)).toEqual(new Set([403]));
    }
    expect((await server.console(`/oci set default immutable=${"a*".repeat(60)}b`)).code).toBe(0);
    await new RegistryClient(server.httpPort, "app", "alice:change-me").pushImage("a".repeat(128));
    expect((await server.console("/users disable alice")).code).toBe(0);
    const admin = new RegistryClient(server.httpPort, "app", "admin:change-me");
    expect((await admin.fetch("tags/list")).status).toBe(200);
    const anybody = new RegistryClient(server.httpPort, LONG_NAME, null);
    expect((await anybody.fetch("manifests/v1")).status).toBe(401);
  }, 60_000);
});
