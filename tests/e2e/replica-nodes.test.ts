import { expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { type Everlock, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { startNode } from "../support/s3-cluster.ts";
import { sharedS3Server } from "../support/s3-server.ts";
import { describeWith } from "../support/tools.ts";

const PATIENCE_MS = 90_000;
const client = (server: Everlock) =>
  new RegistryClient(server.httpPort, "team/app", "admin:change-me", "127.0.0.1");
const statusOf = async (server: Everlock, path: string) => (await client(server).fetch(path)).status;
const told = async (server: Everlock) => (await server.console("/oci list")).stdout;

describeWith(["versitygw", "ssh", "sshpass"], "a replica on several nodes of an object store", () => {
  const bucket = sharedS3Server();

  test("is followed by one of them, by another one when that ends, and can be the primary of a data directory", async () => {
    const primary = await startEverlock();
    await client(primary).pushImage("v1", 200_000);
    const location = bucket();
    const [a, b] = [await startNode(location), await startNode(location)];
    const upstream = `http://127.0.0.1:${primary.httpPort}`;
    await a.console(`/oci create eu vhost=127.0.0.1 upstream=${upstream} follow=all`);
    await a.console("/oci credential eu admin", "change-me\n");
    for (const node of [a, b])
      expect(await eventually(async () => (await statusOf(node, "manifests/v1")) === 200, PATIENCE_MS)).toBe(
        true,
      );
    await eventually(async () => (await told(b)).includes("followed by"), PATIENCE_MS);
    expect([
      (await told(a)).includes(": complete"),
      (await told(b)).includes("followed by the node"),
    ]).toEqual([true, true]);
    await a.end();
    await client(primary).pushImage("v2");
    expect(await eventually(async () => (await statusOf(b, "manifests/v2")) === 200, PATIENCE_MS)).toBe(true);

    expect((await b.console("/oci promote eu --yes")).stdout).toContain("it accepts pushes");
    await client(b).pushImage("v3", 200_000);
    await primary.console(`/oci set default upstream=http://127.0.0.1:${b.httpPort} follow=all --yes`);
    await primary.console("/oci credential default admin", "change-me\n");
    expect(await eventually(async () => (await statusOf(primary, "manifests/v3")) === 200, PATIENCE_MS)).toBe(
      true,
    );
    expect(await told(primary)).toContain("is a replica of");
  }, 300_000);
});
