import { expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { eventually } from "../../support/eventually.ts";
import { RegistryClient } from "../../support/registry-client.ts";
import { describeWithSmallDisks, smallDisk } from "../../support/small-disk.ts";
import { startTestServer } from "../../support/test-server.ts";
import { WebClient } from "../../support/web-client.ts";

const REPOSITORY = "/repositories/team/app";
/** What needs no history. */
const SHOWN = ["/", REPOSITORY, `${REPOSITORY}/-/tags/v1`, `${REPOSITORY}/-/delete?tag=v1`];
const NEEDS_HISTORY = [
  "/log",
  `${REPOSITORY}/-/log`,
  `${REPOSITORY}/-/tags/v1/moves`,
  "/compare?from=1h",
  "/?at=1s",
  "/space",
  `${REPOSITORY}/-/restore?tag=v1&to=1s`,
];
const HINT = "once an administrator has made room there, or mounted it writable, they work without a restart";

/** A server with an image, whose pages nobody has looked at. */
async function start() {
  const disk = smallDisk("60m");
  const server = await startTestServer([], `${disk.path}/data`);
  await new RegistryClient(server.httpPort, "team/app").pushImage("v1");
  const browser = new WebClient(server.httpPort);
  await browser.signIn("alice", "change-me");
  const look = async (path: string) => {
    const response = await browser.fetch(path);
    return { status: response.status, text: (await response.text()).replace(/\s+/g, " ") };
  };
  return { disk, server, browser, look };
}

describeWithSmallDisks("pages that were not opened before the disk failed", () => {
  test.each(["full", "read-only"] as const)(
    "on a disk that is %s show all but the history, say what is missing, and recover without a restart",
    async (trouble) => {
      const { disk, server, look } = await start();
      if (trouble === "full") disk.fill();
      else disk.protect(true);
      const words = trouble === "full" ? "there is no room on the disk" : "its file system is read-only";
      for (const path of SHOWN) {
        const { status, text } = await look(path);
        expect([path, status]).toEqual([path, 200]);
        expect(text).toContain("The history can’t be read for now, so last pushes are missing: ");
        expect(text).toContain(words);
      }
      for (const path of NEEDS_HISTORY) {
        const { status, text } = await look(path);
        expect([path, status, text.includes(words), text.includes(HINT)]).toEqual([path, 503, true, true]);
        expect(text).not.toContain("before its first change");
      }
      const warnings = server.logged.filter((line) => line.includes("a request for a page failed"));
      expect(warnings).toHaveLength(1);
      if (trouble === "full") disk.free();
      else disk.protect(false);
      for (const path of [...SHOWN, ...NEEDS_HISTORY.filter((path) => !path.includes("restore"))]) {
        expect([path, await eventually(async () => (await look(path)).status === 200)]).toEqual([path, true]);
        expect((await look(path)).text).not.toContain("can’t be read");
      }
    },
    30_000,
  );
});

describeWithSmallDisks("a sign-out that can't be stored", () => {
  test("deletes the browser's cookie, and says what a copy of it is worth", async () => {
    const { disk, server, browser, look } = await start();
    await eventually(() => existsSync(`${server.dataDir}/everlock-reserve`));
    rmSync(`${server.dataDir}/everlock-reserve`);
    disk.fill();
    const response = await browser.submit("/sign-out", {});
    const text = (await response.text()).replace(/\s+/g, " ");
    expect([response.status, response.headers.get("Set-Cookie")]).toEqual([
      503,
      expect.stringContaining("Max-Age=0"),
    ]);
    expect(text).toContain(
      "This browser is signed out, but the server could not note it: there is no room on the disk",
    );
    expect(text).toContain("A change of the password ends it.");
    expect((await look("/account")).status).toBe(303);
  });
});
