import { expect, test } from "bun:test";
import {
  describeMode,
  maintenanceMessage,
  parseRegistryMode,
} from "../../../../src/backends/oci-http/settings/registry-mode.ts";

test("a mode is read with its message, which is one line of bounded length", () => {
  expect(parseRegistryMode("normal")).toBe("normal");
  expect(parseRegistryMode("read-only")).toBe("read-only");
  const mode = parseRegistryMode("maintenance=back at 18:00, a=b");
  expect(mode && [maintenanceMessage(mode), describeMode(mode)]).toEqual([
    "back at 18:00, a=b",
    "under maintenance: back at 18:00, a=b",
  ]);
  expect(parseRegistryMode("maintenance")).toBe(
    "maintenance=the registry is under maintenance; try again later",
  );
  for (const text of [
    "",
    "readonly",
    "Read-only",
    "read-only=x",
    "maintenance=a\nb",
    `maintenance=${"x".repeat(201)}`,
  ])
    expect(parseRegistryMode(text)).toBeUndefined();
});
