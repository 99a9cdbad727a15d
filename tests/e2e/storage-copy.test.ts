import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import { binary } from "../support/binary.ts";
import { containerTools } from "../support/containers.ts";
import { addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { randomBytes } from "../support/random-bytes.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { NODE_ENV, startNode } from "../support/s3-cluster.ts";
import { sharedS3Server } from "../support/s3-server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must } from "../support/tools.ts";

const STORE = "everlock-oci-local";
const LARGE = 12 * 1024 * 1024;
const git = (dir: string, ...args: string[]) =>
  must(["git", "-C", dir, "-c", "user.name=op", "-c", "user.email=op@example.org", ...args]);

function copy({ endpoint }: S3Location, from: string, to: string): Promise<string> {
  const command = [binary(), "storage", "copy", from, to, "--storage-endpoint", endpoint];
  return must(command, { env: NODE_ENV, cwd: temporaryDirectory() });
}

const urlOf = ({ bucket, prefix }: S3Location) => `s3://${bucket}/${prefix}`;

/** What administrators and clients are told of the users, the registries and the history. */
async function told(server: Everlock): Promise<readonly string[]> {
  const commands = [
    "/users list",
    "/users grants alice",
    "/oci list",
    "/oci log default",
    "/oci log team",
    "/oci ls default",
  ];
  const outputs: string[] = [];
  for (const command of commands) outputs.push((await server.console(command)).stdout);
  return outputs;
}

const hostKey = async ({ sshPort }: Everlock) =>
  (await must(["ssh-keyscan", "-p", String(sshPort), "127.0.0.1"])).split(" ").slice(1).join(" ");

describeWith(
  ["versitygw", "podman", "ssh", "sshpass", "ssh-keyscan", "git"],
  "'everlock storage copy'",
  () => {
    const bucket = sharedS3Server();

    test("moves a data directory to a bucket, to another bucket and back: clients and stock git find all as it was", async () => {
      const location = bucket();
      const other = { ...location, prefix: `${location.prefix}-other` };
      const [url, otherUrl] = [urlOf(location), urlOf(other)];
      const [back, twin] = [`${temporaryDirectory()}/data`, `${temporaryDirectory()}/data`];

      const server = await startEverlock();
      await addAlice(server, "owner");
      await server.console("/oci create team vhost=team.example.org immutable=v*");
      await server.console("/users grant alice http/oci/team/** owner");
      const created = (await server.console("/users token add alice name=ci --json")).stdout;
      const { token } = JSON.parse(created);
      const podman = containerTools();
      await podman.must("podman", "pull", "-q", `oci:${makeLayout().dir}:image`);
      const [id = ""] = (await podman.must("podman", "images", "-q", "--no-trunc")).split("\n");
      const flags = ["--tls-verify=false"];
      const creds = ["--creds", "alice:change-me"];
      await podman.must("podman", "push", "-q", ...flags, ...creds, id, `${server.registry}/alpine:demo`);
      const app = new RegistryClient(server.httpPort, "team/app");
      await app.pushImage("large", LARGE);
      await app.pushImage("v1");
      await app.pushImage("v1");
      const orphan = await app.pushBlob(randomBytes(1000));
      await new RegistryClient(server.httpPort, "app", "alice:change-me", "team.example.org").pushImage("v1");
      await app.fetch("manifests/large", { method: "DELETE" });
      expect(
        (await server.console(`/oci restore default team/app:large ${await firstCommit(server)} --yes`)).code,
      ).toBe(0);
      const before = await told(server);
      const key = await hostKey(server);
      await server.end();
      await git(`${server.dataDir}/${STORE}`, "notes", "add", "-m", "checked", "HEAD");
      await git(`${server.dataDir}/${STORE}`, "tag", "-a", "release", "-m", "first release");
      const ids = await git(`${server.dataDir}/${STORE}`, "rev-list", "--all");

      await copy(location, server.dataDir, url);
      const node = await startNode(location);
      expect(await told(node)).toEqual(before);
      expect(await hostKey(node)).toBe(key);
      await podman.must("podman", "rmi", "--all", "--force");
      const pulled = await podman.must(
        "podman",
        "pull",
        "-q",
        ...flags,
        ...creds,
        `${node.registry}/alpine:demo`,
      );
      expect(pulled.trim()).toBe(id.replace("sha256:", ""));
      const onNode = new RegistryClient(node.httpPort, "team/app", `alice:${token}`);
      for (const tag of ["large", "v1"]) await onNode.verifyImage(tag);
      // A blob that no manifest names, still belonging to its repository.
      expect((await onNode.fetch(`blobs/${orphan}`, { method: "HEAD" })).status).toBe(200);
      await new RegistryClient(node.httpPort, "team/app").pushImage("v2");
      const after = await told(node);
      expect(after).not.toEqual(before);
      expect(await node.end()).toBe(0);

      await copy(location, url, otherUrl);
      await copy(location, otherUrl, back);
      await copy(location, back, twin);
      for (const dataDir of [back, twin]) {
        const repository = `${dataDir}/${STORE}`;
        const now = await git(repository, "rev-list", "--all");
        expect(now.split("\n")).toEqual(expect.arrayContaining(ids.split("\n")));
        expect(await git(repository, "notes", "show", "release^{commit}")).toBe("checked\n");
        await git(repository, "fsck", "--strict", "--no-dangling");
        for (const name of ["token_key", "ssh_host_ed25519_key"])
          expect(readFileSync(`${dataDir}/${name}`)).toEqual(readFileSync(`${server.dataDir}/${name}`));
      }
      const again = await startEverlock({ dataDir: twin });
      expect(await told(again)).toEqual(after);
      const onAgain = new RegistryClient(again.httpPort, "team/app", `alice:${token}`);
      for (const tag of ["large", "v1", "v2"]) await onAgain.verifyImage(tag);
      expect((await onAgain.fetch(`blobs/${orphan}`, { method: "HEAD" })).status).toBe(200);
    }, 120_000);
  },
);

/** The commit that pushed the image `large`. */
async function firstCommit(server: Everlock): Promise<string> {
  const ids = await git(`${server.dataDir}/${STORE}`, "log", "--grep=push team/app:large", "--format=%H");
  return ids.trim();
}
