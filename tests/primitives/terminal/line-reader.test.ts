import { describe, expect, test } from "bun:test";
import { confirmer, liveScreen } from "../../../src/backends/admin-ssh/commands/dialog.ts";
import { nextTurn } from "../../../src/primitives/jobs/next-turn.ts";
import { LineReader } from "../../../src/primitives/terminal/line-reader.ts";
import { eventually } from "../../support/eventually.ts";

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

describe("the search in the history", () => {
  const HISTORY = ["/oci list", "/oci log default", "/users list"];

  async function typed(...packets: readonly string[]) {
    const { terminal, writes, end } = terminalOf(...packets);
    const reading = new LineReader(terminal).read({ prompt: "> ", history: HISTORY });
    await settle();
    end();
    return { result: await reading, screen: writes.join("") };
  }

  test.each([
    ["Enter runs what was found", "\x12oci\r", "/oci log default"],
    ["Ctrl-R goes on to older lines", "\x12oci\x12\r", "/oci list"],
    ["an arrow takes the line for editing", "\x12users\x1b[D\x7fx\r", "/users lixt"],
    ["Ctrl-A goes to the start of what was found", "\x12users\x01#\r", "#/users list"],
    ["Up goes on from what was found", "\x12users\x1b[A\r", "/oci log default"],
    ["a letter taken back searches again", "\x12logx\x7f\r", "/oci log default"],
    ["Ctrl-G restores the line", "draft\x12oci\x07!\r", "draft!"],
    ["Enter runs nothing if nothing was found", "draft\x12nothing\r!\r", "draft!"],
    ["Backspace on no text does nothing", "\x12\x7f\x7foci\r", "/oci log default"],
  ])("%s", async (_what, keys, text) => {
    expect((await typed(keys)).result).toEqual({ kind: "line", text });
  });

  test("Ctrl-C clears the line", async () => {
    expect((await typed("\x12oci\x03")).result).toEqual({ kind: "interrupted" });
  });

  test("Esc restores the line", async () => {
    const { terminal, writes, send } = terminalOf("draft\x12oci");
    const reading = new LineReader(terminal).read({ prompt: "> ", history: HISTORY });
    await settle();
    const drawn = writes.length;
    send("\x1b");
    expect(await eventually(() => writes.length > drawn)).toBe(true);
    send("!\r");
    expect(await reading).toEqual({ kind: "line", text: "draft!" });
  });

  test("shows what is searched for and found, control characters escaped", async () => {
    const { terminal, writes, end } = terminalOf("\x12log");
    const reading = new LineReader(terminal).read({ prompt: "> ", history: ["/oci log \x9b2J"] });
    await settle();
    end();
    await reading;
    expect(writes.join("")).toContain("(search) 'log': /oci log \\u009b2J");
  });

  test("does not begin at the question for a password", async () => {
    const { terminal, writes } = terminalOf("\x12oci\r");
    const read = await new LineReader(terminal).read({
      prompt: "Password: ",
      secret: true,
      history: HISTORY,
    });
    expect(read).toEqual({ kind: "line", text: "oci" });
    expect(writes.join("")).not.toContain("oci");
  });
});

describe("completion at a terminal", () => {
  const CANDIDATES = ["alpine", "alpine:3.20", "alpine:demo"];

  test("may be read from elsewhere, while later keys wait", async () => {
    const { terminal } = terminalOf("al\t:d\t\r");
    const complete = async (line: string) => {
      await settle();
      return { start: 0, candidates: CANDIDATES.filter((name) => name.startsWith(line)) };
    };
    expect(await new LineReader(terminal).read({ prompt: "> ", complete })).toEqual({
      kind: "line",
      text: "alpine:demo ",
    });
  });

  test("inserts nothing of a list that may not be complete", async () => {
    const names = Array.from({ length: 201 }, (_, i) => `app-${i}`);
    const { terminal } = terminalOf("a\t\r");
    const complete = () => ({ start: 0, candidates: names });
    expect(await new LineReader(terminal).read({ prompt: "> ", complete })).toEqual({
      kind: "line",
      text: "a",
    });
  });

  test("lists the candidates in columns at the second Tab", async () => {
    const { terminal, writes } = terminalOf("alpine\t\t\r");
    const complete = () => ({ start: 0, candidates: CANDIDATES });
    await new LineReader(terminal).read({ prompt: "> ", complete });
    expect(writes.join("")).toContain("\r\n  alpine       alpine:3.20  alpine:demo\r\n");
  });
});

test("a line is drawn over what the terminal has wrapped anew after its width changed", async () => {
  const { terminal, writes, resize, end } = terminalOf("x".repeat(60));
  const reading = new LineReader(terminal).read({ prompt: "> " });
  await settle();
  resize(40);
  await settle();
  expect(writes.at(-1)).toStartWith("\x1b[1A\r> xxx");
  end();
  await reading;
});

test("a pasted megabyte ends in a bounded line", async () => {
  const { terminal, writes } = terminalOf(
    ...Array.from({ length: 256 }, () => "日e\u0301x".repeat(512)),
    "\r",
  );
  const read = await new LineReader(terminal).read({ prompt: "> " });
  expect(read.kind === "line" && read.text.length).toBeLessThanOrEqual(4096);
  expect(writes.join("").length).toBeLessThan(1024 * 1024);
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
