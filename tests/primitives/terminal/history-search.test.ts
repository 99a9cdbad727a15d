import { expect, test } from "bun:test";
import { HistorySearch } from "../../../src/primitives/terminal/history-search.ts";

const LINES = ["/oci list", "/oci log default", "/users list", "/oci log default", "/oci log team"];

function search(query: string): HistorySearch {
  const found = new HistorySearch(LINES);
  for (const letter of query) found.add(letter);
  return found;
}

test("the newest line that contains the text is found, while it is typed and taken back", () => {
  const found = search("li");
  expect(found.match).toEqual({ text: "/users list", position: 2 });
  found.add("x");
  expect([found.query, found.match]).toEqual(["lix", undefined]);
  found.removeLast();
  expect(found.match?.position).toBe(2);
  found.removeLast();
  found.removeLast();
  found.removeLast();
  expect([found.query, found.match]).toEqual(["", undefined]);
});

test("older lines follow, each text once in a row, and the oldest stays", () => {
  const found = search("log");
  const positions = [found.match?.position];
  for (let i = 0; i < 3; i++) {
    found.older();
    positions.push(found.match?.position);
  }
  expect(positions).toEqual([4, 3, 3, 3]);
});

test("more letters keep the older line that was found", () => {
  const found = search("l");
  found.older();
  expect(found.match?.position).toBe(3);
  found.add("i");
  expect(found.match?.position).toBe(2);
});

test("the text that is searched for is bounded", () => {
  const found = new HistorySearch(LINES);
  found.add("x".repeat(1_000_000));
  expect(found.query.length).toBeLessThanOrEqual(200);
});
