import { expect, test } from "bun:test";
import { GROUPS, QUESTIONS, USERS } from "../support/access-table.ts";
import { containerTools } from "../support/containers.ts";
import { type Everlock, sshRun, startEverlock } from "../support/everlock.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

const PASSWORD = "change-me";

async function console(server: Everlock, command: string): Promise<string> {
  const { code, stdout, stderr } = await server.console(command);
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

/** The commands that make the users and groups of the table. */
function accessScript(): string {
  const lines = USERS.flatMap(({ name, grants }) => [
    ...(name === "anon" ? [] : [`/users add ${name} ${PASSWORD}`]),
    ...grants.map(({ path, role }) => `/users grant ${name} ${path} ${role}`),
  ]);
  for (const { name, members, grants } of GROUPS) {
    lines.push(`/groups add ${name}`);
    for (const member of members) lines.push(`/groups assign ${name} ${member}`);
    for (const { path, role } of grants) lines.push(`/groups grant ${name} ${path} ${role}`);
  }
  for (const { name, isDisabled } of USERS) if (isDisabled) lines.push(`/users disable ${name}`);
  return lines.join("\n");
}

describeWith(["ssh", "sshpass"], "access", () => {
  test("over HTTP matches the access table for users, groups, anon, namesakes and patterns", async () => {
    const server = await startEverlock();
    expect(await server.console(undefined, accessScript())).toMatchObject({ code: 0, stderr: "" });
    const asRoot = (command: string) => sshRun(server.sshPort, "root", PASSWORD, command);
    expect((await asRoot("/oci create other vhost=other.test --yes")).code).toBe(0);
    const wrong: unknown[] = [];
    const ask = async (question: (typeof QUESTIONS)[number]) => {
      const { who, instance, repository, role, isAllowed } = question;
      const client = new RegistryClient(
        server.httpPort,
        repository,
        who === "anon" ? null : `${who}:${PASSWORD}`,
      );
      const headers = { Host: instance === "other" ? "other.test" : "localhost" };
      const request = {
        reader: () => client.fetch("manifests/none", { headers }),
        writer: () => client.fetch("blobs/uploads/", { method: "POST", headers }),
        owner: () => client.fetch("manifests/none", { method: "DELETE", headers }),
      }[role];
      const { status } = await request();
      const refused = who === "anon" || who === "disabled" ? 401 : 403;
      const expected = isAllowed ? { reader: 404, writer: 202, owner: 404 }[role] : refused;
      // Who is shut out and goes on trying is locked out.
      if (status !== expected && !(who === "disabled" && status === 429)) wrong.push({ ...question, status });
    };
    await Promise.all(QUESTIONS.map(ask));
    expect(wrong).toEqual([]);
  }, 60_000);

  test("is granted to groups, explained and revoked on the console", async () => {
    const server = await startEverlock();
    const alice = new RegistryClient(server.httpPort, "team/app", "alice:change-me");
    const status = async () => (await alice.fetch("tags/list")).status;
    await console(server, "/users add alice change-me");
    expect(await status()).toBe(403);
    expect(await console(server, "/groups list")).toBe("  no groups\n");
    expect(await console(server, "/groups add developers")).toBe("  group 'developers' created\n");
    await console(server, "/groups assign developers alice");
    await console(server, "/groups grant developers http/oci/default/team/** writer");
    const warning = "there is no registry 'nope', so 'http/oci/nope' covers nothing for now";
    expect(await console(server, "/groups grant developers http/oci/nope reader")).toBe(
      `  granted reader on http/oci/nope to the group 'developers'\n  warning: ${warning}\n`,
    );
    expect(JSON.parse(await console(server, "/users grant alice http/oci/nope reader --json"))).toMatchObject(
      {
        changed: true,
        warning,
      },
    );
    await console(server, "/users revoke alice http/oci/nope");
    await console(server, "/groups revoke developers http/oci/nope");
    expect(await status()).toBe(404);
    expect(await console(server, "/groups list")).toBe(
      "  developers [alice]\n    grant: http/oci/default/team/**  writer\n",
    );
    expect(await console(server, "/users list")).toContain("alice  alice      [developers]");
    expect(await console(server, "/users grants alice")).toContain("by the group developers");
    expect(await console(server, "/access check alice http/oci/default/team/app")).toBe(
      [
        "  pull: yes, the group developers is granted writer on http/oci/default/team/**",
        "  push: yes, the group developers is granted writer on http/oci/default/team/**",
        "  delete: no, no grant of its own, of its groups or of anon covers it",
        "",
      ].join("\n"),
    );
    await console(server, "/users disable alice");
    expect(await status()).toBe(401);
    expect((await sshRun(server.sshPort, "alice", "change-me", "/help")).code).not.toBe(0);
    await console(server, "/users enable alice");
    expect(await status()).toBe(404);
    await console(server, '/users rename-display alice "Alice Liddell"');
    expect(await console(server, "/users list")).toContain("Alice Liddell");
    await console(server, "/groups unassign developers alice");
    expect(await status()).toBe(403);
    await console(server, "/groups assign developers alice");
    await console(server, "/users delete alice");
    expect(await console(server, "/groups list")).toContain("developers []");
    expect(await status()).toBe(401);
    await console(server, "/groups delete developers");
    for (const [command, message] of [
      ["/users delete admin", "that would leave no administrator: the last one must stay one"],
      ["/users disable admin", "that would leave no administrator: the last one must stay one"],
      ["/users delete anon", "'anon' stands for everybody and can't be deleted"],
      ["/groups assign nothing admin", "no group 'nothing'"],
      ["/groups delete developers", "no group 'developers'"],
      ["/access check admin http/oci/*", "'http/oci/*' is not the path of one registry or repository"],
    ] as const)
      expect((await server.console(command)).stderr).toStartWith(`error: ${message}`);
  }, 60_000);
});

describeWith(["podman", "skopeo", "ssh", "sshpass"], "access to one repository", () => {
  test("lets podman push to that repository only, and hides all others", async () => {
    const server = await startEverlock();
    await console(server, "/users add alice change-me");
    await console(server, "/users grant alice http/oci/default/team/app writer");
    const tools = containerTools();
    const { dir } = makeLayout();
    await tools.must(
      "podman",
      "login",
      "--tls-verify=false",
      "-u",
      "alice",
      "-p",
      "change-me",
      server.registry,
    );
    await tools.must("podman", "pull", "-q", `oci:${dir}:image`);
    const images = await tools.must("podman", "images", "-q");
    const push = (name: string) =>
      tools.run("podman", "push", "--tls-verify=false", images.trim(), `${server.registry}/${name}`);
    expect((await push("team/app:v1")).code).toBe(0);
    const refused = await push("team/other:v1");
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain("team/other: 403 (Forbidden)");
    await new RegistryClient(server.httpPort, "hidden", "admin:change-me").pushImage("v1");
    const catalog = await new RegistryClient(server.httpPort, "x", "alice:change-me").fetch("/v2/_catalog");
    expect(await catalog.json()).toEqual({ repositories: ["team/app"] });
  }, 60_000);
});
