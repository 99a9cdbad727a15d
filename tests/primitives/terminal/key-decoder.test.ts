import { describe, expect, test } from "bun:test";
import { type Key, KeyDecoder } from "../../../src/primitives/terminal/key-decoder.ts";

/** Names of keys in brackets, text as it is. */
function brief(keys: readonly Key[]): string {
  return keys.map((key) => (key.kind === "text" ? key.text : `[${key.name}]`)).join("");
}

function decode(...packets: readonly (string | Uint8Array)[]): string {
  const decoder = new KeyDecoder();
  return packets.map((packet) => brief(decoder.decode(Buffer.from(packet)))).join("");
}

describe("terminal input", () => {
  test.each([
    ["abc", "abc"],
    ["a\rb\n", "a[enter]b[enter]"],
    ["a\r\n", "a[enter][ignored]"],
    ["\t\x7f\x08", "[tab][backspace][backspace]"],
    ["\x01\x05\x15\x17\x0b", "[home][end][kill-to-start][kill-word][kill-to-end]"],
    ["\x03\x04", "[interrupt][end-of-input]"],
    ["\x12\x07\x0c", "[search][cancel][clear-screen]"],
    ["\x1bb\x1bf\x1bd", "[word-left][word-right][kill-next-word]"],
    ["\x1b[A\x1b[B\x1b[C\x1b[D", "[up][down][right][left]"],
    ["\x1bOA\x1bOH\x1bOF", "[up][home][end]"],
    ["\x1b[1~\x1b[4~\x1b[3~\x1b[H\x1b[F", "[home][end][delete][home][end]"],
    ["\x1b[1;5C\x1bb", "[word-right][word-left]"],
    ["\x1b[200~pasted\x1b[201~", "[ignored]pasted[ignored]"],
    ["\x00\x1f", "[ignored][ignored]"],
    ["tab\tin a paste", "tab[tab]in a paste"],
    ["äß€🐳", "äß€🐳"],
  ])("%p", (sent, keys) => {
    expect(decode(sent)).toBe(keys);
  });

  test("decodes to the same keys for any division into packets", () => {
    const sent = Buffer.from("/users\t\x1b[A\x1b[1;5Cgrün🐳\x1bOF\r\n\x1b[3~x");
    const whole = decode(sent);
    for (let at = 0; at <= sent.length; at++) {
      expect(decode(sent.subarray(0, at), sent.subarray(at))).toBe(whole);
    }
    expect(decode(...Array.from(sent, (byte) => Uint8Array.of(byte)))).toBe(whole);
  });

  test("an ESC alone is the key Esc only when that is said", () => {
    const decoder = new KeyDecoder();
    expect([decoder.decode(Buffer.from("a\x1b")).length, decoder.hasLoneEscape]).toEqual([1, true]);
    expect(brief([decoder.takeEscape()])).toBe("[cancel]");
    expect([brief(decoder.decode(Buffer.from("b"))), decoder.hasLoneEscape]).toEqual(["b", false]);
  });

  test("an escape sequence that never ends does not swallow what follows", () => {
    expect(decode(`\x1b[${"1".repeat(100)}`, "x\r")).toEndWith("x[enter]");
  });
});
