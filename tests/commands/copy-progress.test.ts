import { expect, test } from "bun:test";
import { CopyProgress } from "../../src/commands/copy-progress.ts";

const MIB = 1024 * 1024;

function progress({ isTTY, present = 0 }: { isTTY: boolean; present?: number }) {
  let now = 0;
  let text = "";
  const output = { isTTY, write: (written: string) => (text += written) };
  const copy = new CopyProgress({ total: 100 * MIB, present, output, now: () => now });
  return {
    copy,
    pass: (ms: number) => {
      now += ms;
    },
    text: () => text,
  };
}

test("the progress of a copy has bytes, rate and time left, and counts what was there before", () => {
  const { copy, pass } = progress({ isTTY: false, present: 40 * MIB });
  pass(5000);
  copy.copied(10 * MIB);
  expect(copy.text()).toBe("50 MiB of 100 MiB copied, 2 MiB/s, 25 s left");
});

test("the rate is that of the last half minute", () => {
  const { copy, pass } = progress({ isTTY: false });
  for (let i = 0; i < 60; i++) {
    pass(1000);
    copy.copied(MIB);
    copy.text();
  }
  for (let i = 0; i < 40; i++) {
    pass(1000);
    copy.text();
  }
  expect(copy.text()).toBe("60 MiB of 100 MiB copied, 0 B/s");
});

test("a line follows every ten seconds without a terminal, and is written again on one", () => {
  const plain = progress({ isTTY: false });
  for (let i = 0; i < 25; i++) {
    plain.pass(1000);
    plain.copy.copied(MIB);
  }
  expect(plain.text().split("\n")).toEqual([
    "10 MiB of 100 MiB copied, 1 MiB/s, 90 min left".replace("90 min", "2 min"),
    "20 MiB of 100 MiB copied, 1 MiB/s, 80 s left",
    "",
  ]);
  const terminal = progress({ isTTY: true });
  terminal.pass(300);
  terminal.copy.copied(3 * MIB);
  expect(terminal.text()).toBe("\r\u001b[K3 MiB of 100 MiB copied, 10 MiB/s, 10 s left");
});

test.each([
  [200, "repository 4 of 50: 516.6 MiB of 789 MiB copied, 51.7 MiB/s, 6 s left"],
  [60, "516.6 MiB of 789 MiB copied, 51.7 MiB/s, 6 s left"],
  [40, "516.6 MiB of 789 MiB, 6 s left"],
  [20, "516.6 MiB of 789 Mi"],
])("on a terminal of %d columns, the line does not wrap", (columns, expected) => {
  let [now, text] = [0, ""];
  const output = { isTTY: true, columns, write: (written: string) => (text += written) };
  const options = { total: 789 * MIB, present: 0, label: "repository 4 of 50: ", output, now: () => now };
  const copy = new CopyProgress(options);
  now += 10_000;
  copy.copied(516.6 * MIB);
  expect(text).toBe(`\r\u001b[K${expected}`);
});

test("a copy that was told to fail ends at its next bytes", () => {
  const { copy } = progress({ isTTY: false });
  copy.fail(new Error("another copy has begun"));
  expect(() => copy.copied(1)).toThrow("another copy has begun");
  copy.copied(-1);
});
