import { expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { eventually } from "../support/eventually.ts";
import { type Everlock, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith, run } from "../support/tools.ts";

/** Takes the branch of a store away, and answers what puts it back. */
function loseBranch(dataDir: string, store: string): () => void {
  const branch = `${dataDir}/${store}/refs/heads/main`;
  renameSync(branch, `${branch}-elsewhere`);
  return () => renameSync(`${branch}-elsewhere`, branch);
}

async function push(server: Everlock, host: string): Promise<number> {
  const client = new RegistryClient(server.httpPort, "app", "admin:change-me");
  return (await client.fetch("blobs/uploads/", { method: "POST", headers: { Host: host } })).status;
}

describeWith(["ssh", "sshpass"], "a damaged store", () => {
  test("takes only its own registry out of service, until it is repaired", async () => {
    const first = await startEverlock();
    await first.console("/oci create team vhost=team.test");
    await first.console("/oci set team immutable=v*");
    await new RegistryClient(first.httpPort, "app", "admin:change-me").pushImage("v1");
    await first.console("/users grant anon http/oci/team reader");
    await pushTo(first, "team.test");
    await first.end();
    const repair = loseBranch(first.dataDir, "everlock-oci-team");

    const second = await startEverlock({
      dataDir: first.dataDir,
      args: ["--frontend-ops-listen", "127.0.0.1:0"],
    });
    const ops = (path: string) => fetch(`http://127.0.0.1:${second.opsPort}${path}`);
    expect([await push(second, "localhost"), await push(second, "team.test")]).toEqual([202, 503]);
    const answer = await new RegistryClient(second.httpPort, "app", null).fetch("/v2/", {
      headers: { Host: "team.test" },
    });
    expect([answer.status, await answer.text()]).toEqual([
      503,
      expect.stringContaining("the registry 'team' is out of service"),
    ]);
    const lines = second.log().split("\n");
    expect(
      lines.filter((line) => line.includes("registry 'team' is out of service: the store")),
    ).toHaveLength(1);
    const list = (await second.console("/oci list")).stdout;
    expect(list).toContain("team is out of service: the store 'everlock-oci-team' is damaged");
    expect((await second.console("/status")).stdout).toContain("team is out of service: the store");
    const ready = await ops("/readyz");
    expect([ready.status, await ready.text()]).toEqual([
      200,
      "ok\nthe registry 'team' is out of service; see the log\n",
    ]);
    const metrics = await (await ops("/metrics")).text();
    expect(metrics).toContain('everlock_registry_up{registry="default"} 1\n');
    expect(metrics).toContain('everlock_registry_up{registry="team"} 0\n');
    expect((await second.console("/oci set default quota=1GiB")).code).toBe(0);
    expect((await second.console("/oci ls team")).stderr).toContain("the registry 'team' is out of service");
    const gc = await run([binary(), "gc", "--data-dir", first.dataDir]);
    const incomplete = {
      code: 1,
      stdout: expect.stringMatching(
        /everlock-oci-local: removed .*\n *left out: the store 'everlock-oci-team' is damaged/,
      ),
      stderr: expect.stringMatching(/^(everlock|error): 1 store was left out\n$/),
    };
    expect(gc).toMatchObject(incomplete);
    expect(await second.console("/jobs run gc")).toMatchObject(incomplete);

    repair();
    expect((await second.console("/config reload")).stdout).toContain("registries: changed team");
    expect(await eventually(async () => (await push(second, "team.test")) === 202)).toBe(true);
    expect(await (await ops("/readyz")).text()).toBe("ok\n");
    expect((await second.console("/oci list")).stdout).toMatch(
      /team +store=everlock-oci-team +immutable=v\*/,
    );
  }, 60_000);

  test.each(["everlock-users", "everlock-system"])(
    "%s stops the start with one line",
    async (store) => {
      const first = await startEverlock();
      await first.console("/oci set default quota=1GiB");
      await first.end();
      const repair = loseBranch(first.dataDir, store);
      const { code, stderr } = await run([
        ...[binary(), "serve", "--data-dir", first.dataDir],
        ...["--frontend-http-listen-http", "127.0.0.1:0", "--frontend-ssh-listen", "127.0.0.1:0"],
      ]);
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(new RegExp(`^everlock: the store '${store}' is damaged: .*\n$`)),
      ]);
      repair();
      expect((await startEverlock({ dataDir: first.dataDir })).pid).toBeGreaterThan(0);
    },
    60_000,
  );
});

async function pushTo(server: Everlock, host: string): Promise<void> {
  await new RegistryClient(server.httpPort, "app", "admin:change-me", host).pushImage("v1");
}
