import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { eventually } from "../support/eventually.ts";
import { addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must } from "../support/tools.ts";

const CONFIG = "config/oci-http.toml";

/** Clones a store, edits a file and pushes it back, as an operator would. */
async function editWithGit(
  { dataDir }: Everlock,
  store: string,
  path: string,
  edit: (text: string) => string,
) {
  const clone = `${temporaryDirectory()}/clone`;
  await must(["git", "clone", "-q", `${dataDir}/${store}`, clone]);
  writeFileSync(`${clone}/${path}`, edit(readFileSync(`${clone}/${path}`, "utf8")));
  const identity = ["-c", "user.name=operator", "-c", "user.email=operator@example.org"];
  await must(["git", "-C", clone, ...identity, "commit", "-qam", `edit ${path}`]);
  await must(["git", "-C", clone, "push", "-q", "origin", "HEAD:main"]);
}

describeWith(["git", "ssh", "sshpass"], "configuration that was committed with git", () => {
  test("is applied by /config reload and by SIGHUP, or refused as a whole with the reason", async () => {
    const server = await startEverlock();
    await addAlice(server);
    await server.console("/oci create team vhost=team.test");
    const status = async (host: string, path = "tags/list") => {
      const alice = new RegistryClient(server.httpPort, "app", "alice:change-me");
      return (await alice.fetch(path, { headers: { Host: host } })).status;
    };
    const edit = (change: (text: string) => string) => editWithGit(server, "everlock-system", CONFIG, change);
    await edit((text) => text.replace("team.test", "other.test"));
    expect([await status("team.test"), await status("other.test")]).toEqual([403, 404]);
    expect((await server.console("/config reload")).stdout).toBe(
      "  reloaded: 2 registries, 3 users\n  registries: changed team\n",
    );
    expect([await status("team.test"), await status("other.test")]).toEqual([404, 403]);

    await edit((text) => text.replace('"other.test"', '"a b"'));
    expect((await server.console("/config reload")).stderr).toBe(
      `error: ${CONFIG} in the store everlock-system: instance team: 'vhosts' must be a list of host names without port\n`,
    );
    expect(await status("other.test")).toBe(403);
    // A change at the console must not write over it, and users are not taken over alone.
    expect((await server.console("/oci set default quota=1GiB")).stderr).toBe(
      `error: '${CONFIG}' was changed with git and is not loaded yet; run '/config reload'\n`,
    );
    await editWithGit(server, "everlock-users", "users/alice.toml", (text) => `${text}\n# a comment\n`);
    await editWithGit(server, "everlock-users", "users/admin.toml", (text) =>
      text.replace('display_name = "admin"', 'display_name = "Administrator"'),
    );
    process.kill(server.pid, "SIGHUP");
    expect(
      await eventually(async () => server.log().includes("SIGHUP: no change was applied: config/")),
    ).toBe(true);
    expect((await server.console("/users list")).stdout).not.toContain("Administrator");
    await edit((text) => text.replace('"a b"', '"third.test"'));
    await editWithGit(server, "everlock-users", "users/alice.toml", (text) =>
      text.replace("http/oci/default", "http/oci/team"),
    );
    process.kill(server.pid, "SIGHUP");
    expect(await eventually(async () => (await status("third.test", "/v2/")) === 200)).toBe(true);
    expect([await status("localhost"), await status("other.test", "/v2/")]).toEqual([403, 404]);
    expect(server.log()).toContain(
      "SIGHUP: applied: users: changed admin, alice; registries: changed team\n",
    );

    await editWithGit(server, "everlock-users", "users/alice.toml", (text) =>
      text.replace("writer", "emperor"),
    );
    expect((await server.console("/config reload")).stderr).toContain(
      "users/alice.toml in the store everlock-users is refused: user 'alice': grant role 'emperor'",
    );
    await editWithGit(server, "everlock-users", "users/alice.toml", (text) =>
      text.replace("emperor", "writer"),
    );
    await edit((text) => text.replace('name = "team"', 'name = "alice"'));
    expect((await server.console("/config reload")).stdout).toBe(
      [
        "  reloaded: 2 registries, 3 users",
        "  registries: added alice; removed team",
        "  the user 'alice' owns the registry 'alice' because it has the same name\n",
      ].join("\n"),
    );
    await new RegistryClient(server.httpPort, "x", "admin:change-me").pushImage("v1");
  }, 60_000);
});
