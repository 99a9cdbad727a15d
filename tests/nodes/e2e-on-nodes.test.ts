import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { ROOT } from "../docs/repository-documents.ts";
import { describeWith, run, STREAM_MODULE } from "../support/tools.ts";
import { NOT_FOR_NODES } from "./not-for-nodes.ts";

/** `bun run nodes` runs all files of tests/e2e on nodes, and `bun test` those in which clients meet most of what nodes share. */
const IS_FULL = process.env["ALL_ON_NODES"] === "1";
const IN_SHORT = ["clients", "registry-tools", "immutable-tags", "guide"];
const NODES = 3;
const TIMEOUT_MS = 600_000;

const FILES = readdirSync(`${ROOT}/tests/e2e`)
  .map((name) => name.replace(/\.test\.ts$/, ""))
  .sort();

/** The tests of a file that say nothing about nodes, with the reason; a text is about all of them. */
const exceptionsOf = (file: string) => NOT_FOR_NODES[file] ?? {};

/** Runs a file of tests/e2e in a process of its own, in which `startEverlock` starts nodes. */
async function runOnNodes(file: string, exceptions: readonly string[]) {
  const others = exceptions.map((name) => name.replaceAll(/[^\w ]/g, "."));
  const chosen = others.length === 0 ? [] : ["--test-name-pattern", `^(?!(${others.join("|")})$)`];
  const command = [process.execPath, "test", `tests/e2e/${file}.test.ts`, "--timeout", "60000", ...chosen];
  const { code, stdout, stderr } = await run(command, { cwd: ROOT, env: { TEST_NODES: `${NODES}` } });
  const output = `${stdout}${stderr}`;
  const count = (what: string) => Number(output.match(new RegExp(`^ *(\\d+) ${what}$`, "m"))?.[1] ?? 0);
  return { code, output, passed: count("pass"), failed: count("fail"), skipped: count("skip") };
}

describeWith(
  ["versitygw", "nginx", STREAM_MODULE, "ssh", "sshpass"],
  `on ${NODES} nodes of an object store behind nginx`,
  () => {
    for (const file of IS_FULL ? FILES : IN_SHORT) {
      const exceptions = exceptionsOf(file);
      if (typeof exceptions === "string") continue;
      test(
        `tests/e2e/${file} passes as on one server`,
        async () => {
          const { code, output, passed, failed, skipped } = await runOnNodes(file, Object.keys(exceptions));
          if (code !== 0) console.error(output);
          const mayBeSkipped = process.env["REQUIRE_CLIENTS"] !== "1";
          expect([code, failed, passed > 0, mayBeSkipped || skipped === 0]).toEqual([0, 0, true, true]);
          console.log(`tests/e2e/${file}: ${passed} passed, ${failed} failed, ${skipped} skipped on nodes`);
        },
        TIMEOUT_MS,
      );
    }
  },
);

describe("not for nodes is", () => {
  for (const [file, exceptions] of Object.entries(NOT_FOR_NODES)) {
    if (typeof exceptions === "string")
      test(`tests/e2e/${file}: ${exceptions}`, () => expect(FILES).toContain(file));
    else
      for (const [name, reason] of Object.entries(exceptions))
        test(`'${name}' of tests/e2e/${file}: ${reason}`, () => {
          const source = readFileSync(`${ROOT}/tests/e2e/${file}.test.ts`, "utf8");
          const named = [...source.matchAll(/"([^"\n]+)"|`([^`\n]+)`/g)].map(
            (match) => match[1] ?? match[2] ?? "",
          );
          const isThere = named.some(
            (group) => name.startsWith(group) && named.includes(name.slice(group.length + 1)),
          );
          expect(isThere).toBe(true);
        });
  }
});
