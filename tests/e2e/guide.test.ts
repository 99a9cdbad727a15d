import { expect, test } from "bun:test";
import { containerTools } from "../support/containers.ts";
import { ADMIN_PASSWORD, sshRun, startEverlock } from "../support/everlock.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { describeWith, must } from "../support/tools.ts";

describeWith(["podman", "ssh", "sshpass", "git"], "the guide's first run", () => {
  test("works with podman", async () => {
    const server = await startEverlock({
      args: [
        "--frontend-http",
        "--backend-admin-ssh",
        "--backend-oci-http",
        ...["--backend-oci-http-vhost", "localhost"],
        ...["--backend-oci-http-store", "everlock-oci-local"],
        ...["--admin-user", "admin"],
      ],
    });
    const image = `${server.registry}/alpine:demo`;
    const podman = containerTools();
    const layout = makeLayout();

    const script = "/users add alice change-me\n/users grant alice http/oci/default writer\n";
    const created = await sshRun(server.sshPort, "admin", ADMIN_PASSWORD, undefined, script);
    expect(created).toEqual({
      code: 0,
      stdout: "  user 'alice' created\n  granted writer on http/oci/default to 'alice'\n",
      stderr: "",
    });

    const login = ["login", "--tls-verify=false", "-u", "alice"];
    expect((await podman.run("podman", ...login, "-p", "wrong", server.registry)).code).not.toBe(0);
    expect(await podman.must("podman", ...login, "-p", "change-me", server.registry)).toContain(
      "Login Succeeded!",
    );

    await podman.must("podman", "pull", "-q", `oci:${layout.dir}:image`);
    const [id = ""] = (await podman.must("podman", "images", "-q", "--no-trunc")).split("\n");
    await podman.must("podman", "tag", id, image);
    await podman.must(
      "podman",
      "push",
      "-q",
      "--tls-verify=false",
      "--digestfile",
      `${layout.dir}/pushed`,
      image,
    );
    await podman.must(
      "podman",
      "push",
      "-q",
      "--tls-verify=false",
      image,
      `${server.registry}/alice/alpine:demo`,
    );
    const pushed = await Bun.file(`${layout.dir}/pushed`).text();

    const repository = await server.repository("everlock-oci-local");
    const log = await must([
      "git",
      "-C",
      repository,
      "log",
      "--format=%an <%ae>|%cn|%s|%(trailers:key=Digest,valueonly)",
    ]);
    expect(log.trim().split(/\n+/)).toEqual([
      `alice <alice@everlock>|Everlock System|push alice/alpine:demo|${pushed}`,
      `alice <alice@everlock>|Everlock System|push alpine:demo|${pushed}`,
    ]);
    expect(await must(["git", "-C", repository, "fsck", "--strict"])).toBe("");

    await podman.must("podman", "rmi", "-f", id);
    await podman.must("podman", "pull", "-q", "--tls-verify=false", image);
    expect(await podman.must("podman", "inspect", "--format", "{{.Digest}}", image)).toBe(`${pushed}\n`);

    await podman.must("podman", "logout", server.registry);
    await podman.must("podman", "rmi", "-f", id);
    expect((await podman.run("podman", "pull", "-q", "--tls-verify=false", image)).stderr).toMatch(
      /authentication required|unauthorized/,
    );
    expect((await server.console("/users grant anon http/oci/default reader")).code).toBe(0);
    await podman.must("podman", "pull", "-q", "--tls-verify=false", image);
    expect((await podman.run("podman", "push", "--tls-verify=false", image)).stderr).toMatch(
      /authentication required|unauthorized/,
    );
  }, 60_000);
});
