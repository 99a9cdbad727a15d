import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { PeriodicSave } from "../../../src/primitives/jobs/periodic-save.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

function saveTo(path: string) {
  const state = { text: "first", failures: 0 };
  const save = new PeriodicSave(path, () => Buffer.from(state.text), { error: () => void state.failures++ });
  return { state, save };
}

test("a periodic save writes its file only after a change, readable by its owner only", async () => {
  const path = `${temporaryDirectory()}/state.json`;
  const { save } = saveTo(path);
  await save.save();
  expect(existsSync(path)).toBe(false);
  save.changed();
  await save.close();
  expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777]).toEqual(["first", 0o600]);
});

test("a change that could not be saved is saved by the next periodic save", async () => {
  const directory = `${temporaryDirectory()}/later`;
  const path = `${directory}/state.json`;
  const { state, save } = saveTo(path);
  save.changed();
  await save.save();
  expect([state.failures, existsSync(path)]).toEqual([1, false]);
  mkdirSync(directory);
  await save.close();
  expect([state.failures, readFileSync(path, "utf8")]).toEqual([1, "first"]);
});
