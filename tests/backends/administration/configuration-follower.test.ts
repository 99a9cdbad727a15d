import { expect, test } from "bun:test";
import { ConfigurationFollower } from "../../../src/backends/administration/configuration-follower.ts";
import { Store } from "../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../src/primitives/store/commits/store-path.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { eventually } from "../../support/eventually.ts";
import { distantBranch } from "../../support/memory-engine/distant-branch.ts";
import { MemoryStore } from "../../support/memory-engine/memory-store.ts";

async function open(
  reload: () => Promise<readonly string[]>,
  contents: ConstructorParameters<typeof ConfigurationFollower>[0]["contents"] = () => [],
) {
  const memory = new MemoryStore();
  const here = await Store.open("users", { objects: memory.objects, branch: memory.openBranch() });
  const { branch } = distantBranch(memory);
  const there = await Store.open("users", { objects: memory.objects, branch });
  const lines: string[] = [];
  const line = (text: string) => void lines.push(text);
  const follower = new ConfigurationFollower({
    stores: [there],
    contents,
    reload,
    log: { info: line, warn: line, error: line },
  });
  afterThisTest(() => follower.stop());
  const change = () =>
    here.write(storePath("a"), Buffer.from(crypto.randomUUID()), {
      author: { name: "a", email: "a@b" },
      message: "m",
    });
  return { follower, change, lines };
}

test("what another node changed is applied once, and said in the log", async () => {
  let reloads = 0;
  const { follower, change, lines } = await open(async () => {
    reloads++;
    return ["users: added alice"];
  });
  await follower.refresh();
  expect([reloads, follower.version]).toEqual([0, 0]);
  await change();
  await follower.refresh();
  await follower.refresh();
  expect([reloads, follower.version]).toEqual([1, 1]);
  expect(lines).toEqual(["another node has changed users: added alice"]);
});

test("a change of another node that can't be applied is said once, and the next one is tried", async () => {
  let reloads = 0;
  const { follower, change, lines } = await open(async () => {
    if (++reloads === 1) throw new Error("invalid");
    return [];
  });
  await change();
  await follower.refresh();
  await follower.refresh();
  expect([reloads, lines.length]).toEqual([1, 1]);
  await change();
  await follower.refresh();
  expect(reloads).toBe(2);
});

test("a node whose disk is full can't be used until there is room again, and one with a damaged store can", async () => {
  let failure: Error | undefined = Object.assign(new Error("database or disk is full"), {
    code: "SQLITE_FULL",
  });
  const refresh = () => (failure ? Promise.reject(failure) : undefined);
  const { follower } = await open(
    async () => [],
    () => [{ refresh }],
  );
  expect(await eventually(() => follower.away !== undefined)).toBe(true);
  expect(follower.away).toBe("database or disk is full");
  failure = new Error("damaged");
  expect(await eventually(() => follower.away === undefined)).toBe(true);
  failure = undefined;
});
