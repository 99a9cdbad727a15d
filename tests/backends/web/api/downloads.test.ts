import { describe, expect, test } from "bun:test";
import { consoleLines } from "../../../support/console-line.ts";
import { RegistryClient } from "../../../support/registry-client.ts";
import { startTestServer } from "../../../support/test-server.ts";
import { pushBlob } from "../../../support/web/pushed-image.ts";
import { WebClient } from "../../../support/web-client.ts";

const PAGE = "<script>document.title = 'run'</script>";

async function start() {
  const server = await startTestServer();
  const { httpPort } = server;
  await consoleLines(server, "/users add eve change-me");
  const blob = await pushBlob(new RegistryClient(httpPort, "team/app"), PAGE, "text/html");
  const path = (digest: string = blob.digest) => `/api/v1/repositories/team/app/-/blobs/${digest}`;
  const signedIn = async (user: string) => {
    const browser = new WebClient(httpPort);
    await browser.signIn(user, "change-me");
    return browser;
  };
  return { httpPort, path, signedIn };
}

describe("a download of a blob", () => {
  test("is a file with the given name, which no browser shows or runs", async () => {
    const { path, signedIn } = await start();
    const browser = await signedIn("alice");
    const response = await browser.fetch(`${path()}?name=${encodeURIComponent('a"\r\nX: <b>.html')}`);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": 'attachment; filename="a___X:__b_.html"'.replace(":", "_"),
      "content-security-policy": "default-src 'none'; sandbox",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
    });
    expect(await response.text()).toBe(PAGE);
    const head = await browser.fetch(path(), { method: "HEAD" });
    expect([head.status, head.headers.get("Content-Length")]).toEqual([200, String(PAGE.length)]);
    const part = await browser.fetch(path(), { headers: { Range: "bytes=1-6" } });
    expect([part.status, await part.text()]).toEqual([206, "script"]);
  });

  test("is refused as any page is, whether the blob exists or not", async () => {
    const { httpPort, path, signedIn } = await start();
    const absent = `sha256:${"ab".repeat(32)}`;
    const eve = await signedIn("eve");
    for (const digest of [undefined, absent]) {
      const refused = await eve.fetch(path(digest));
      expect([refused.status, refused.headers.get("Content-Type")]).toEqual([
        403,
        "application/problem+json",
      ]);
      expect(await refused.text()).not.toContain("script");
      expect((await new WebClient(httpPort).fetch(path(digest))).status).toBe(401);
    }
    const missing = await (await signedIn("alice")).fetch(path(absent));
    expect(await missing.json()).toMatchObject({
      status: 404,
      detail: `the repository 'team/app' does not hold the blob '${absent}'`,
    });
    expect(missing.headers.get("Content-Disposition")).toBeNull();
  });
});
