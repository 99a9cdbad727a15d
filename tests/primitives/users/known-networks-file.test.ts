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

test("known networks survive a restart", async () => {
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

test("an invalid file of known networks is logged and counts as empty, and valid entries of a file are used", async () => {
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

test("known networks are kept for the ten thousand latest users, at most 32 for each", () => {
  const known = new KnownNetworks();
  for (let i = 0; i < 10_100; i++) known.add(`user${i}` as UserName, "192.0.2.1");
  for (let i = 0; i < 40; i++) known.add(ALICE, `10.0.0.${i}`);
  const entries = known.entries();
  expect(entries.length).toBe(10_000);
  expect([known.has("user0", "192.0.2.1"), known.has("user10099", "192.0.2.1")]).toEqual([false, true]);
  expect(entries.at(-1)?.[1].length).toBe(32);
});
