import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, run } from "../support/tools.ts";

const UNIT = readFileSync(`${import.meta.dir}/../../packaging/everlock.service`, "utf8");

/** Every value of a setting, words of all its lines together. */
const words = (name: string) =>
  UNIT.split("\n").flatMap((line) =>
    line.startsWith(`${name}=`) ? line.slice(name.length + 1).split(" ") : [],
  );

describe("the systemd unit", () => {
  test("keeps the runtime and the loader from code that is not Everlock's", () => {
    expect(words("UnsetEnvironment")).toEqual(
      expect.arrayContaining([
        "BUN_OPTIONS",
        "BUN_BE_BUN",
        "BUN_INSPECT",
        "BUN_INSPECT_PRELOAD",
        "BUN_INSPECT_CONNECT_TO",
        "NODE_PATH",
        "NODE_OPTIONS",
        "NODE_EXTRA_CA_CERTS",
        "LD_PRELOAD",
      ]),
    );
  });

  test("gives no password on a command line", () => {
    expect(UNIT).not.toMatch(/--admin-password[ =]/);
    expect(UNIT).not.toContain("EVERLOCK_ADMIN_PASSWORD=");
  });

  test("leaves no dump of the memory, and does not try a wrong setting again and again", () => {
    expect([words("LimitCORE"), words("RestartPreventExitStatus")]).toEqual([["0"], ["2"]]);
  });

  test("is stopped by the system only after the server's own deadline", () => {
    const [timeout] = words("TimeoutStopSec");
    expect(Number(timeout?.replace("s", ""))).toBeGreaterThanOrEqual(20);
  });
});

describeWith(["systemd-analyze"], "the systemd unit", () => {
  test("is one that systemd finds no fault with", async () => {
    const path = `${temporaryDirectory()}/everlock.service`;
    // Where nothing is installed, the program would be missing.
    writeFileSync(path, UNIT.replace("/usr/local/bin/everlock", "/bin/true"));
    const { code, stderr } = await run(["systemd-analyze", "verify", path]);
    expect([code, stderr]).toEqual([0, ""]);
  });
});
