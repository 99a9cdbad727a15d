import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { containerTools } from "../support/containers.ts";
import { addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must, run } from "../support/tools.ts";

/** A server with alice, and a Docker configuration that is logged in as her. */
async function startLoggedIn(role?: string): Promise<{ server: Everlock; env: Record<string, string> }> {
  const server = await startEverlock();
  await addAlice(server, role);
  const directory = temporaryDirectory();
  const auth = Buffer.from("alice:change-me").toString("base64");
  writeFileSync(`${directory}/config.json`, JSON.stringify({ auths: { [server.registry]: { auth } } }));
  return { server, env: { DOCKER_CONFIG: directory, HOME: directory } };
}

describeWith(["oras", "ssh", "sshpass"], "oras", () => {
  test("attaches an artifact to an image and discovers it, also by type", async () => {
    const { server, env } = await startLoggedIn();
    const { digest } = await new RegistryClient(server.httpPort, "app").pushImage("v1");
    const cwd = temporaryDirectory();
    writeFileSync(`${cwd}/sbom.json`, "{}");
    const image = `${server.registry}/app:v1`;
    const oras = (...args: string[]) => must(["oras", ...args, "--plain-http"], { env, cwd });
    await oras("attach", "--artifact-type", "application/x-sbom", image, "sbom.json:application/json");
    await oras("attach", "--artifact-type", "application/x-note", "-a", "note=hello", image);
    const discover = async (...args: string[]) => {
      const found = JSON.parse(await oras("discover", "--format", "json", ...args, image));
      expect(found.digest).toBe(digest);
      return found.referrers.map((referrer: { artifactType: string }) => referrer.artifactType).sort();
    };
    expect(await discover()).toEqual(["application/x-note", "application/x-sbom"]);
    expect(await discover("--artifact-type", "application/x-sbom")).toEqual(["application/x-sbom"]);
  }, 60_000);
});

describeWith(["cosign", "ssh", "sshpass"], "cosign", () => {
  test("signs an image with a local key, and verifies that image only", async () => {
    const { server, env: login } = await startLoggedIn();
    const client = new RegistryClient(server.httpPort, "app");
    const [signed, other] = [await client.pushImage("signed"), await client.pushImage("other")];
    const cwd = temporaryDirectory();
    const env = { ...login, COSIGN_PASSWORD: "key password" };
    await must(["cosign", "generate-key-pair"], { env, cwd });
    const http = "--allow-http-registry";
    const image = (digest: string) => `${server.registry}/app@${digest}`;
    const sign = ["cosign", "sign", "--key", "cosign.key", "--tlog-upload=false", http, "--yes"];
    await must([...sign, image(signed.digest)], { env, cwd });
    const verify = ["cosign", "verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true", http];
    expect(await must([...verify, image(signed.digest)], { env, cwd })).toContain(signed.digest);
    expect((await run([...verify, image(other.digest)], { env, cwd })).stderr).toContain(
      "no signatures found",
    );
  }, 60_000);
});

describeWith(["cosign", "crane", "ssh", "sshpass"], "cosign clean", () => {
  test("removes a signature where anonymous users may read, with a token for two scopes of one repository", async () => {
    const { server, env: login } = await startLoggedIn("owner");
    await server.console("/users grant anon http/oci/default reader");
    const { digest } = await new RegistryClient(server.httpPort, "app").pushImage("v1");
    const cwd = temporaryDirectory();
    const env = { ...login, COSIGN_PASSWORD: "key password" };
    const image = `${server.registry}/app@${digest}`;
    const http = "--allow-http-registry";
    await must(["cosign", "generate-key-pair"], { env, cwd });
    await must(["cosign", "sign", "--key", "cosign.key", "--tlog-upload=false", http, "--yes", image], {
      env,
      cwd,
    });
    const tags = async () =>
      (await must(["crane", "ls", "--insecure", `${server.registry}/app`], { env })).trim();
    const signature = digest.replace(":", "-");
    expect(await tags()).toBe(`${signature}.sig\nv1`);
    await must(["cosign", "clean", "--force", http, image], { env, cwd });
    expect(await tags()).toBe("v1");
    await must(["crane", "delete", "--insecure", `${server.registry}/app:v1`], { env });
  }, 60_000);
});

describeWith(["skopeo", "ssh", "sshpass"], "skopeo sync", () => {
  test("copies a repository from one registry of the server to another", async () => {
    const { server } = await startLoggedIn();
    for (const command of [
      "/oci create mirror vhost=127.0.0.1",
      "/users grant alice http/oci/mirror writer",
    ]) {
      expect((await server.console(command)).code).toBe(0);
    }
    const mirror = `127.0.0.1:${server.httpPort}`;
    const tools = containerTools();
    const login = ["--tls-verify=false", "-u", "alice", "-p", "change-me"];
    for (const registry of [server.registry, mirror]) await tools.must("skopeo", "login", ...login, registry);
    const layout = makeLayout({ platforms: ["amd64", "arm64"], layers: 2 });
    const source = `${server.registry}/team/app`;
    for (const tag of ["v1", "v2"]) {
      await tools.must(
        "skopeo",
        ...["copy", "-q", "--all", "--dest-tls-verify=false"],
        ...[`oci:${layout.dir}:image`, `docker://${source}:${tag}`],
      );
    }
    const plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    const destination = `${mirror}/copies`;
    await tools.must(
      "skopeo",
      ...["sync", "--all", "--src", "docker", "--dest", "docker", ...plain],
      ...[source, destination],
    );
    const copied = `docker://${destination}/app`;
    const listed = await tools.must("skopeo", "list-tags", "--tls-verify=false", copied);
    expect(JSON.parse(listed).Tags).toEqual(["v1", "v2"]);
    const raw = await tools.must("skopeo", "inspect", "--raw", "--tls-verify=false", `${copied}:v1`);
    expect(Buffer.from(raw).equals(layout.manifest)).toBe(true);
  }, 60_000);
});
