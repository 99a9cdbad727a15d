import { expect, test } from "bun:test";
import { rawAnswer } from "../support/raw-answer.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { startTestServer } from "../support/test-server.ts";

test("HEAD has the status and headers of GET on every endpoint, and no body", async () => {
  const { httpPort } = await startTestServer();
  const client = new RegistryClient(httpPort, "app");
  const { digest, layer } = await client.pushImage("v1", 40_000);
  const absent = `sha256:${"0".repeat(64)}`;
  const paths = [
    "/v2/",
    "/v2/_catalog",
    "/v2/_catalog?n=x",
    "/v2/app/tags/list",
    "/v2/none/tags/list",
    "/v2/app/manifests/v1",
    `/v2/app/manifests/${digest}`,
    "/v2/app/manifests/none",
    `/v2/app/referrers/${digest}`,
    `/v2/app/blobs/${layer}`,
    `/v2/app/blobs/${absent}`,
    await client.startUpload(),
    `/v2/app/blobs/uploads/${crypto.randomUUID()}`,
    "/v2/app/nothing",
    "/nothing",
  ];
  const authorization = `Authorization: Basic ${btoa("alice:change-me")}`;
  const ask = async (method: string, path: string) => {
    const lines = [
      `${method} ${path} HTTP/1.1`,
      "Host: localhost",
      authorization,
      "Connection: close",
      "",
      "",
    ];
    const [head = "", body = ""] = (await rawAnswer(httpPort, lines.join("\r\n"))).split(/\r\n\r\n(.*)/s);
    const [status, ...headers] = head.split("\r\n");
    const named = headers.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()));
    return { status, headers: named.map((line) => line.replace(/^date: .*/, "date")).sort(), body };
  };
  for (const path of paths) {
    const [get, head] = [await ask("GET", path), await ask("HEAD", path)];
    expect([path, head]).toEqual([path, { ...get, body: "" }]);
    expect([path, head.headers.filter((line) => line === "date").length]).toEqual([path, 1]);
  }
});
