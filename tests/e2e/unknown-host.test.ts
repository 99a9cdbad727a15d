import { expect, test } from "bun:test";
import { containerTools } from "../support/containers.ts";
import { startEverlock } from "../support/everlock.ts";
import { describeWith } from "../support/tools.ts";

const MESSAGE = "no registry is served at the host '127.0.0.1'";

describeWith(["podman", "skopeo"], "a host that no registry has", () => {
  test("is named in what podman and skopeo print", async () => {
    const server = await startEverlock({ args: ["--backend-oci-http-vhost", "team.test"] });
    const image = `127.0.0.1:${server.httpPort}/app:v1`;
    const { run } = containerTools();
    const pull = await run("podman", "pull", "--tls-verify=false", image);
    expect([pull.code, pull.stderr]).toEqual([125, expect.stringContaining(MESSAGE)]);
    const inspect = await run("skopeo", "inspect", "--tls-verify=false", `docker://${image}`);
    expect([inspect.code, inspect.stderr]).toEqual([1, expect.stringContaining(MESSAGE)]);
    const login = await run(
      "podman",
      "login",
      "--tls-verify=false",
      "-u",
      "alice",
      "-p",
      "x",
      server.registry.replace("localhost", "127.0.0.1"),
    );
    expect(login.code).toBe(125);
    expect(login.stderr).toContain(`"127.0.0.1:${server.httpPort}": invalid status code from registry 404`);
    expect(server.log()).toContain("warn  no registry has the host '127.0.0.1' that 127.0.0.1 asked for");
  }, 60_000);
});
