import { expect, test } from "bun:test";
import { containerTools } from "../support/containers.ts";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

/** A server with HTTP threads, the image `app:v1` pushed by skopeo, and what clients do with it. */
async function start() {
  const server = await startEverlock();
  await addAlice(server, "owner");
  const tools = containerTools();
  const { dir, digest } = makeLayout();
  const login = ["alice:change-me"];
  const push = (name: string) =>
    tools.run(
      "skopeo",
      ...["copy", "-q", "--retry-times", "0", "--dest-tls-verify=false", "--dest-creds", ...login],
      ...[`oci:${dir}:image`, `docker://${server.registry}/${name}`],
    );
  const digestOf = async (name: string) => {
    const options = ["--retry-times", "0", "--tls-verify=false", "--creds", ...login];
    return (
      await tools.must(
        "skopeo",
        "inspect",
        ...options,
        "--format",
        "{{.Digest}}",
        `docker://${server.registry}/${name}`,
      )
    ).trim();
  };
  const pull = (name: string) =>
    tools.run(
      "podman",
      "pull",
      "-q",
      "--tls-verify=false",
      "--creds",
      ...login,
      `${server.registry}/${name}`,
    );
  const console = async (line: string) => {
    const { code, stdout, stderr } = await server.console(line);
    if (code !== 0) throw new Error(`${line}: ${stderr}`);
    return stdout;
  };
  expect((await push("app:v1")).code).toBe(0);
  return { server, digest, push, pull, digestOf, console };
}

describeWith(["podman", "skopeo", "ssh", "sshpass"], "changes at the console", () => {
  test("reach podman and skopeo: renames, deletions, restores, and the modes of a registry", async () => {
    const { server, digest, push, pull, digestOf, console } = await start();
    await console("/oci rename default app team/app");
    expect((await pull("team/app:v1")).code).toBe(0);
    expect((await pull("app:v1")).stderr).toContain("manifest unknown");
    await console("/oci tag default team/app:v1 team/app:prod");
    expect(await digestOf("team/app:prod")).toBe(digest);

    const removed = await console("/oci rm default 'team/**' --yes");
    expect((await pull("team/app:v1")).code).not.toBe(0);
    const undo = removed.match(/undo: (.*)/)?.[1] ?? "";
    await console(`${undo} --yes`);
    expect(await digestOf("team/app:v1")).toBe(digest);

    await console("/oci set default mode=read-only");
    expect((await push("app:v2")).stderr).toContain("this registry is read-only for now");
    expect((await pull("team/app:v1")).code).toBe(0);
    expect((await server.console("/oci rm default team/app --yes")).stderr).toContain(
      "'default' is read-only for now",
    );
    await console("/oci set default 'mode=maintenance=back at 18:00 UTC'");
    expect((await pull("team/app:v1")).stderr).toContain("503 (Service Unavailable)");
    const client = new RegistryClient(server.httpPort, "team/app");
    const responses = await Promise.all(Array.from({ length: 8 }, () => client.fetch("/v2/")));
    for (const response of responses)
      expect([response.status, response.headers.get("Retry-After")]).toEqual([503, "30"]);
    expect(await console("/oci list")).toContain("mode=maintenance=back at 18:00 UTC");
    expect(await console("/status")).toContain("default is under maintenance: back at 18:00 UTC");
    await console("/oci set default mode=normal");
    expect((await push("app:v2")).code).toBe(0);
  }, 60_000);
});
