import { expect, test } from "bun:test";
import { digestOf } from "../../../src/primitives/digest.ts";
import { RegistryClient } from "../../support/registry-client.ts";
import { startTestServer } from "../../support/test-server.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";

async function start() {
  const { httpPort } = await startTestServer();
  return (repository: string, credentials?: string | null) =>
    new RegistryClient(httpPort, repository, credentials);
}

async function tagsOf(client: RegistryClient, query = "") {
  const response = await client.fetch(`tags/list${query}`);
  return [response.status, await response.json()];
}

const unknown = (name: string) => [
  404,
  { errors: [{ code: "NAME_UNKNOWN", message: expect.any(String), detail: { name } }] },
];

test("the tags of a repository are an empty list once its last manifest is deleted, and its catalog entry goes", async () => {
  const clientOf = await start();
  const app = clientOf("app");
  expect(await tagsOf(app)).toEqual(unknown("app"));
  const { digest } = await app.pushImage("v1");
  expect(await tagsOf(app)).toEqual([200, { name: "app", tags: ["v1"] }]);
  await app.fetch("manifests/v1", { method: "DELETE" });
  expect(await tagsOf(app)).toEqual([200, { name: "app", tags: [] }]);
  await app.fetch(`manifests/${digest}`, { method: "DELETE" });
  for (const query of ["", "?n=1", "?n=1000&last=a"])
    expect(await tagsOf(app, query)).toEqual([200, { name: "app", tags: [] }]);
  expect(await (await app.fetch("/v2/_catalog")).json()).toEqual({ repositories: [] });
  const referrers = await app.fetch(`referrers/${digest}`);
  expect([referrers.status, await referrers.json()]).toMatchObject([200, { manifests: [] }]);
});

test("the tags of a repository that has only blobs are an empty list until it has none", async () => {
  const clientOf = await start();
  const [app, other] = [clientOf("app"), clientOf("other")];
  const blobs = [await app.pushBlob(Buffer.from("a")), await app.pushBlob(Buffer.from("b"))];
  await other.pushBlob(Buffer.from("a"));
  for (const digest of blobs) {
    expect(await tagsOf(app)).toEqual([200, { name: "app", tags: [] }]);
    expect((await app.fetch(`blobs/${digest}`, { method: "DELETE" })).status).toBe(202);
  }
  expect(await tagsOf(app)).toEqual(unknown("app"));
  expect(await tagsOf(other)).toEqual([200, { name: "other", tags: [] }]);
  expect(await tagsOf(clientOf("app/deeper"))).toEqual(unknown("app/deeper"));
});

test("the tags of a repository that has only referrers are an empty list", async () => {
  const app = (await start())("app");
  const subject = { mediaType: INDEX, digest: digestOf(Buffer.from("absent")), size: 1 };
  const referrer = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [], subject });
  expect((await app.putManifest(digestOf(Buffer.from(referrer)), referrer, INDEX)).status).toBe(201);
  expect(await tagsOf(app)).toEqual([200, { name: "app", tags: [] }]);
});

test("the tags of a repository are refused in the same way to who may not read it, whether it exists or not", async () => {
  const clientOf = await start();
  await clientOf("app").pushImage("v1");
  const answers = await Promise.all(
    ["app", "nowhere"].map(async (name) => {
      const response = await clientOf(name, null).fetch("tags/list");
      return [response.status, (await response.text()).replaceAll(name, "<name>")];
    }),
  );
  expect(answers[0]).toEqual(answers[1] ?? []);
  expect(answers[0]?.[0]).toBe(401);
});
