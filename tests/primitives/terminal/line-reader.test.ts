import { expect, test } from "bun:test";
import { confirmer, liveScreen } from "../../../src/backends/admin-ssh/commands/dialog.ts";
import { nextTurn } from "../../../src/primitives/jobs/next-turn.ts";
import { LineReader } from "../../../src/primitives/terminal/line-reader.ts";

/** A terminal that takes what is written when it is told to, and counts what waits. */
function terminalOf(...packets: readonly string[]) {
  let columns = 80;
  let isOpen = true;
  let opened = Promise.withResolvers<void>();
  let resized: () => void = () => undefined;
  const writes: string[] = [];
  let read = 0;
  let unread = Promise.withResolvers<void>();
  const waiting = [...packets];
  let hasEnded = false;
  async function* input() {
    for (;;) {
      const packet = waiting.shift();
      if (packet !== undefined) {
        read++;
        yield Buffer.from(packet);
      } else if (hasEnded) return;
      else await unread.promise;
    }
  }
  const wake = () => {
    unread.resolve();
    unread = Promise.withResolvers();
  };
  return {
    terminal: {
      input: input(),
      columns: () => columns,
      rows: () => 24,
      onResize: (callback: () => void) => {
        resized = callback;
      },
      async write(text: string) {
        writes.push(text);
        while (!isOpen) await opened.promise;
      },
    },
    writes,
    read: () => read,
    send(packet: string) {
      waiting.push(packet);
      wake();
    },
    end() {
      hasEnded = true;
      wake();
    },
    resize(width: number) {
      columns = width;
      resized();
    },
    close() {
      isOpen = false;
    },
    open() {
      isOpen = true;
      opened.resolve();
      opened = Promise.withResolvers();
    },
  };
}

/** Lets everything that is ready run. */
const settle = nextTurn;

test("keys that arrive together are drawn once", async () => {
  const { terminal, writes } = terminalOf(`${"x".repeat(10)}${"\x1b[D".repeat(1000)}!\r`);
  const reader = new LineReader(terminal);
  expect(await reader.read({ prompt: "> " })).toEqual({ kind: "line", text: "!xxxxxxxxxx" });
  expect(writes).toHaveLength(2);
  expect(writes.join("").length).toBeLessThan(200);
});

test("no input is read while the terminal does not accept output", async () => {
  const packets = Array.from({ length: 50 }, () => "a");
  const { terminal, writes, read, close, open, end } = terminalOf(...packets);
  close();
  const reading = new LineReader(terminal).read({ prompt: "> " });
  await settle();
  expect([read(), writes.length]).toEqual([0, 1]);
  open();
  end();
  expect(await reading).toEqual({ kind: "ended" });
  expect(read()).toBe(50);
});

test("candidates are not listed again before the terminal has accepted the last list", async () => {
  const { terminal, writes, close, open, end } = terminalOf("\t".repeat(200));
  const candidates = Array.from({ length: 10_000 }, (_, i) => `user-${i}`);
  const reading = new LineReader(terminal).read({
    prompt: "> ",
    complete: () => ({ start: 0, candidates: candidates.map((name) => name) }),
  });
  close();
  await settle();
  await settle();
  const length = () => writes.reduce((sum, text) => sum + text.length, 0);
  expect(length()).toBeLessThan(64 * 1024);
  expect(writes.join("")).not.toContain("user-200");
  open();
  end();
  await reading;
});

test("size changes while the terminal accepts no output cause one redraw", async () => {
  const { terminal, writes, resize, close, open, end } = terminalOf();
  const reading = new LineReader(terminal).read({ prompt: "> " });
  await settle();
  close();
  for (let width = 20; width < 1020; width++) resize(width);
  await settle();
  expect(writes.filter((text) => text !== "")).toHaveLength(1);
  open();
  await settle();
  expect(writes.filter((text) => text !== "")).toHaveLength(2);
  end();
  await reading;
});

test("control characters in typed or pasted input are shown, not executed", async () => {
  const { terminal, writes } = terminalOf("a\u009b31m\u202eb\r");
  expect(await new LineReader(terminal).read({ prompt: "> " })).toEqual({
    kind: "line",
    text: "a\u009b31m\u202eb",
  });
  expect(writes.join("")).toContain("a\\u009b31m\\u202eb");
  expect(writes.join("")).not.toMatch(/[\u009b\u202e]/);
});

test("a disconnect does not answer a question with yes", async () => {
  const { terminal, end } = terminalOf();
  const answer = confirmer(new LineReader(terminal))("go on?");
  end();
  expect(await answer).toBe(false);
});

test("a live screen is redrawn only after the terminal accepted the last one, and ends with a key", async () => {
  const { terminal, writes, close, open, send } = terminalOf();
  let drawn = 0;
  close();
  const live = liveScreen(
    new LineReader(terminal),
    terminal,
  )(async () => [`drawn ${++drawn}`, "\x9bm日本語日本語".repeat(20)]);
  await settle();
  send("q");
  await settle();
  expect(drawn).toBe(1);
  open();
  await live;
  expect(drawn).toBe(1);
  for (const line of writes.join("").split("\r\n")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(80);
});
