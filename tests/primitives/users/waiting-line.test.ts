import { expect, test } from "bun:test";
import { WaitingLine } from "../../../src/primitives/users/waiting-line.ts";

function drain(line: WaitingLine<string>): string[] {
  const items: string[] = [];
  for (let item = line.next(); item !== undefined; item = line.next()) items.push(item);
  return items;
}

test("a flood from one network delays only that network", () => {
  const line = new WaitingLine<string>();
  for (let i = 0; i < 200; i++) line.add("flood", "192.0.2.1", "failed");
  line.add("once failed", "192.0.2.2", "failed");
  line.add("never failed", "192.0.2.3", "new");
  line.add("known", "192.0.2.4", "known");
  expect(drain(line).slice(0, 4).toSorted()).toEqual(["flood", "known", "never failed", "once failed"]);
});

test("networks take turns", () => {
  const line = new WaitingLine<string>();
  for (let i = 0; i < 12; i++) line.add(`${"abc"[i % 3]}`, `network ${i % 3}`, "failed");
  expect(drain(line).join("")).toBe("abcabcabcabc");
});

test("the latest new network is first, and a flood from one network does not count as new", () => {
  const line = new WaitingLine<string>();
  for (let i = 0; i < 100; i++) line.add("flood", "192.0.2.1", "new");
  for (let i = 0; i < 100; i++) line.add(`newcomer ${i}`, `network ${i}`, "new");
  expect(drain(line).slice(0, 2).toSorted()).toEqual(["flood", "newcomer 99"]);
});

test("known, new and failed networks all get their turn", () => {
  const line = new WaitingLine<string>();
  const standings = ["known", "new", "failed"] as const;
  const served = new Map<string, number>();
  for (let i = 0; i < 800; i++) {
    for (const standing of standings) line.add(standing, `network ${i}`, standing);
    const item = line.next() ?? "";
    served.set(item, (served.get(item) ?? 0) + 1);
  }
  expect([...served.values()].every((count) => count >= 100)).toBe(true);
  expect(served.get("known")).toBe(600);
});

test("the line is limited, and the network with the most entries loses one for others", () => {
  const line = new WaitingLine<string>();
  const dropped: (string | undefined)[] = [];
  for (let i = 0; i < 5000; i++) dropped.push(line.add("flood", "192.0.2.1", "failed"));
  expect(dropped.filter((item) => item === "flood").length).toBe(5000 - 256);
  for (let i = 0; i < 200; i++) expect(line.add(`other ${i}`, `network ${i}`, "failed")).toBe("flood");
  for (let i = 0; i < 5000; i++) line.add("newcomer", `network ${i}`, "new");
  for (let i = 0; i < 5000; i++) line.add("known", `network ${i}`, "known");
  const left = drain(line);
  expect(left.filter((item) => item.startsWith("other")).length).toBe(200);
  expect(left.length).toBe(256 + 256 + 512);
});
