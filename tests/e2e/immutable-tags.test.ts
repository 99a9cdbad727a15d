import { expect, test } from "bun:test";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

describeWith(["ssh", "sshpass"], "a write-once tag", () => {
  test("is set by one of many simultaneous pushes, and the others get a clear error", async () => {
    const server = await startEverlock();
    await addAlice(server);
    expect((await server.console("/oci set default immutable=v*,!v0*")).code).toBe(0);
    expect((await server.console("/oci list")).stdout).toContain("immutable=v*,!v0*");
    const client = new RegistryClient(server.httpPort, "app");
    const images = await Promise.all(
      Array.from({ length: 50 }, (_, i) => client.pushImage(`candidate-${i}`, 1000)),
    );
    const answers = await Promise.all(images.map(({ manifest }) => client.putManifest("v1", manifest)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(49);
    const winner = images[statuses.indexOf(201)];
    expect(await client.verifyImage("v1")).toBe(winner?.digest as NonNullable<typeof winner>["digest"]);

    const refused = answers.find(({ status }) => status === 409);
    expect(await refused?.json()).toMatchObject({
      errors: [{ code: "DENIED", message: expect.stringContaining("'v1' of 'app' is write-once") }],
    });
    // The same again is no change; other tags move as ever.
    expect((await client.putManifest("v1", winner?.manifest ?? "")).status).toBe(201);
    for (const { manifest } of images.slice(0, 2)) {
      for (const tag of ["v0.1", "latest"])
        expect((await client.putManifest(tag, manifest)).status).toBe(201);
    }
    const byDigest = await client.putManifest(
      `${images[0]?.digest}?tag=new&tag=v1`,
      images[0]?.manifest ?? "",
    );
    expect(byDigest.status).toBe(winner === images[0] ? 201 : 409);

    expect((await server.console("/oci set default immutable=")).code).toBe(0);
    for (const { manifest } of images.slice(0, 2)) {
      expect((await client.putManifest("v1", manifest)).status).toBe(201);
    }
  }, 60_000);

  test("requires a valid pattern", async () => {
    const server = await startEverlock();
    expect(await server.console("/oci set default immutable=a/b")).toMatchObject({
      code: 2,
      stderr:
        "error: 'immutable=a/b' is invalid; use immutable=v*, immutable=*,!latest or immutable= for none\n",
    });
  });
});
