import { expect, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { KnownNetworks } from "../../../src/primitives/users/known-networks.ts";
import { KnownNetworksFile } from "../../../src/primitives/users/known-networks-file.ts";
import type { UserName } from "../../../src/primitives/users/user.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const ALICE = "alice" as UserName;

function open(path: string) {
  const lines: string[] = [];
  const line = (message: string) => void lines.push(message);
  const file = new KnownNetworksFile(path, { info: line, warn: line, error: line });
  return { file, lines };
}

test("a user is known after a restart where that user was before it", async () => {
  const path = `${temporaryDirectory()}/known_networks.json`;
  const { file } = open(path);
  file.known.add(ALICE, "192.0.2.1");
  file.known.add(ALICE, "2001:db8:0:0::/64");
  await file.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const { file: again, lines } = open(path);
  for (const network of ["192.0.2.1", "2001:db8:0:0::/64"])
    expect(again.known.has(ALICE, network)).toBe(true);
  expect(again.known.has(ALICE, "192.0.2.2")).toBe(false);
  expect(lines).toEqual([]);
  await again.close();
});

test("a file that makes no sense is told and counts as empty, what makes some is taken", async () => {
  const path = `${temporaryDirectory()}/known_networks.json`;
  writeFileSync(path, "nonsense");
  const { file, lines } = open(path);
  expect(lines[0]).toStartWith(`${path} can't be read`);
  file.known.add(ALICE, "192.0.2.1");
  await file.close();
  writeFileSync(path, JSON.stringify({ alice: ["192.0.2.1"], bob: "192.0.2.1", "No User": ["x"], eve: [1] }));
  const { file: again } = open(path);
  expect(again.known.entries()).toEqual([["alice", ["192.0.2.1"]]]);
  await again.close();
});

test("ten thousand users are known, those who logged in last, each at 32 networks at most", () => {
  const known = new KnownNetworks();
  for (let i = 0; i < 10_100; i++) known.add(`user${i}` as UserName, "192.0.2.1");
  for (let i = 0; i < 40; i++) known.add(ALICE, `10.0.0.${i}`);
  const entries = known.entries();
  expect(entries.length).toBe(10_000);
  expect([known.has("user0", "192.0.2.1"), known.has("user10099", "192.0.2.1")]).toEqual([false, true]);
  expect(entries.at(-1)?.[1].length).toBe(32);
});
