import { expect, test } from "bun:test";
import { copyFileSync, mkdirSync } from "node:fs";
import { makeCertificate, tlsFlags } from "../support/certificate.ts";
import { containerTools } from "../support/containers.ts";
import { withDocker } from "../support/docker.ts";
import { eventually } from "../support/eventually.ts";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { tarOf } from "../support/oci-layout.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must, run } from "../support/tools.ts";

const TOOLS = ["openssl", "curl", "ssh", "sshpass"];

/** Two registries, each with a certificate of its own: one by address, which clients name to nobody, one by name (SNI). */
async function startWithTwoCertificates() {
  const dir = temporaryDirectory();
  const certificates = {
    address: await makeCertificate(dir, "address", ["127.0.0.1"]),
    name: await makeCertificate(dir, "name", ["localhost"]),
  };
  const args = tlsFlags([certificates.address, certificates.name]);
  const server = await startEverlock({ args });
  await addAlice(server);
  for (const command of ["/oci create team vhost=127.0.0.1", "/users grant alice http/oci/team writer"]) {
    expect((await server.console(command)).code).toBe(0);
  }
  return { dir, certificates, server };
}

describeWith([...TOOLS, "podman"], "podman and curl over HTTPS", () => {
  test.concurrent("reach two hosts with two certificates, and get a renewed certificate without a restart", async () => {
    const { dir, certificates, server } = await startWithTwoCertificates();
    const { must: tool } = containerTools();
    const directory = `${dir}/ca`;
    mkdirSync(directory);
    for (const [host, { certificate }] of [
      ["127.0.0.1", certificates.address],
      ["localhost", certificates.name],
    ] as const) {
      const registry = `${host}:${server.httpsPort}`;
      copyFileSync(certificate, `${directory}/ca.crt`);
      const flags = ["--cert-dir", directory, "--creds", "alice:change-me"];
      await must(["tar", "-cf", `${dir}/layer.tar`, "-C", dir, "name.pem"]);
      await tool("podman", "import", "-q", `${dir}/layer.tar`, `${registry}/app:v1`);
      await tool("podman", "push", "-q", ...flags, `${registry}/app:v1`);
      await tool("podman", "rmi", `${registry}/app:v1`);
      await tool("podman", "pull", "-q", ...flags, `${registry}/app:v1`);
      const tags = await must([
        ...["curl", "-sS", "--fail", "--cacert", certificate, "-u", "alice:change-me"],
        `https://${registry}/v2/app/tags/list`,
      ]);
      expect(JSON.parse(tags)).toEqual({ name: "app", tags: ["v1"] });
    }

    const renewed = await makeCertificate(dir, "renewed", ["localhost"]);
    const curl = (ca: string) =>
      run(["curl", "-sS", "--cacert", ca, `https://localhost:${server.httpsPort}/v2/`]);
    expect((await curl(renewed.certificate)).stderr).toInclude("certificate");
    copyFileSync(renewed.key, certificates.name.key);
    copyFileSync(renewed.certificate, certificates.name.certificate);
    expect(await eventually(async () => (await curl(renewed.certificate)).code === 0)).toBe(true);
  }, 60_000);
});

describeWith([...TOOLS, "docker", "dockerd"], "docker over HTTPS", () => {
  test.concurrent("logs in, pushes and pulls at a host whose certificate it checks", async () => {
    const { certificates, server } = await startWithTwoCertificates();
    const registry = `localhost:${server.httpsPort}`;
    await withDocker(
      async (docker) => {
        const image = `${registry}/app:docker`;
        await must(docker("login", "-u", "alice", "--password-stdin", registry), { stdin: "change-me" });
        await must(docker("import", "-", image), { stdin: tarOf("file", Buffer.from(crypto.randomUUID())) });
        await must(docker("push", "-q", image));
        await must(docker("rmi", image));
        await must(docker("pull", "-q", image));
      },
      { SSL_CERT_FILE: certificates.name.certificate },
    );
  }, 60_000);
});
