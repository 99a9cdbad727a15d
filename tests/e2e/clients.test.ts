import { expect, test } from "bun:test";
import { containerTools } from "../support/containers.ts";
import { withDocker } from "../support/docker.ts";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { makeLayout, tarOf } from "../support/oci-layout.ts";
import { describeWith, must } from "../support/tools.ts";

const CREDENTIALS = "alice:change-me";

describeWith(["skopeo", "ssh", "sshpass"], "skopeo", () => {
  test("pushes and pulls an image of many layers", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const { must: tool } = containerTools();
    const layout = makeLayout({ layers: 12, layerBytes: 300_000 });
    const image = `docker://${server.registry}/team/app:v1`;
    await tool(
      "skopeo",
      "copy",
      "-q",
      "--dest-tls-verify=false",
      "--dest-creds",
      CREDENTIALS,
      `oci:${layout.dir}:image`,
      image,
    );
    const pulled = `${layout.dir}/pulled`;
    await tool(
      "skopeo",
      "copy",
      "-q",
      "--src-tls-verify=false",
      "--src-creds",
      CREDENTIALS,
      image,
      `dir:${pulled}`,
    );
    const pulledFile = async (name: string) => Buffer.from(await Bun.file(`${pulled}/${name}`).bytes());
    expect((await pulledFile("manifest.json")).equals(layout.manifest)).toBe(true);
    for (const [digest, bytes] of layout.blobs) {
      if (digest !== layout.digest) expect((await pulledFile(digest.slice(7))).equals(bytes)).toBe(true);
    }
  });

  test("gets a multi-platform index back byte for byte, and deletes it", async () => {
    const server = await startEverlock();
    await addAlice(server, "owner");
    const { must: tool, run } = containerTools();
    const layout = makeLayout({ platforms: ["amd64", "arm64", "s390x"] });
    const image = `docker://${server.registry}/multi:latest`;
    const credentials = ["--tls-verify=false", "--creds", CREDENTIALS];
    await tool(
      "skopeo",
      ...["copy", "-q", "--all", "--dest-tls-verify=false", "--dest-creds", CREDENTIALS],
      `oci:${layout.dir}:image`,
      image,
    );
    const raw = await tool("skopeo", "inspect", "--raw", ...credentials, image);
    expect(Buffer.from(raw).equals(layout.manifest)).toBe(true);
    const inspected = JSON.parse(
      await tool("skopeo", "inspect", ...credentials, "--override-arch", "arm64", image),
    );
    expect(inspected).toMatchObject({ Digest: layout.digest, Architecture: "arm64", RepoTags: ["latest"] });
    await tool("skopeo", "delete", ...credentials, image);
    expect((await run("skopeo", "inspect", "--raw", ...credentials, image)).stderr).toContain(
      "manifest unknown",
    );
  });
});

describeWith(["buildah", "ssh", "sshpass"], "buildah", () => {
  test("builds, pushes and pulls an image", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const { must: tool } = containerTools();
    const layout = makeLayout();
    await Bun.write(`${layout.dir}/context/Containerfile`, 'FROM scratch\nCOPY file /file\nCMD ["/file"]\n');
    await Bun.write(`${layout.dir}/context/file`, crypto.randomUUID());
    const image = `${server.registry}/alice/built:1`;
    await tool("buildah", "build", "-q", "--isolation", "chroot", "-t", image, `${layout.dir}/context`);
    await tool(
      "buildah",
      "push",
      "-q",
      "--tls-verify=false",
      "--creds",
      CREDENTIALS,
      image,
      `docker://${image}`,
    );
    await tool("buildah", "rmi", "-f", image);
    await tool("buildah", "pull", "-q", "--tls-verify=false", "--creds", CREDENTIALS, image);
    expect(await tool("buildah", "images", "--format", "{{.Name}}:{{.Tag}}")).toContain(image);
  }, 60_000);
});

describeWith(["docker", "dockerd", "ssh", "sshpass"], "docker", () => {
  test("logs in, pushes and pulls with a real daemon", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const image = `${server.registry}/alice/docker:1`;
    await withDocker(async (docker) => {
      await must(docker("import", "-", image), { stdin: tarOf("file", Buffer.from(crypto.randomUUID())) });
      const wrong = ["login", "-u", "alice", "--password-stdin", server.registry];
      await expect(must(docker(...wrong), { stdin: "wrong" })).rejects.toThrow(
        /401 Unauthorized|unauthorized/,
      );
      await expect(must(docker("push", "-q", image))).rejects.toThrow(
        /no basic auth credentials|unauthorized/,
      );
      await must(docker("login", "-u", "alice", "--password-stdin", server.registry), { stdin: "change-me" });
      await must(docker("push", "-q", image));
      const id = await must(docker("images", "-q", "--no-trunc", image));
      await must(docker("rmi", image));
      await must(docker("pull", "-q", image));
      expect(await must(docker("images", "-q", "--no-trunc", image))).toBe(id);
    });
  }, 60_000);
});
