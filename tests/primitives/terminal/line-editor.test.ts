import { describe, expect, test } from "bun:test";
import type { KeyName } from "../../../src/primitives/terminal/key-decoder.ts";
import { LineEditor, MAX_LINE_LENGTH } from "../../../src/primitives/terminal/line-editor.ts";

/** Types `text` with `|` for where the cursor then stands. */
function editing(text: string, history: readonly string[] = []): LineEditor {
  const editor = new LineEditor(history);
  editor.insert(text.replace("|", ""));
  if (text.includes("|")) editor.cursor = text.indexOf("|");
  return editor;
}

function shown({ text, cursor }: LineEditor): string {
  return `${text.slice(0, cursor)}|${text.slice(cursor)}`;
}

describe("an editing key", () => {
  test.each([
    ["left", "abc|", "ab|c"],
    ["left", "|abc", "|abc"],
    ["left", "a\u{1f433}|", "a|\u{1f433}"],
    ["right", "a|bc", "ab|c"],
    ["right", "abc|", "abc|"],
    ["right", "|\u{1f433}a", "\u{1f433}|a"],
    ["home", "ab|c", "|abc"],
    ["end", "a|bc", "abc|"],
    ["word-left", "one two|", "one |two"],
    ["word-left", "one |two", "|one two"],
    ["word-right", "|one two", "one| two"],
    ["word-right", "one| two", "one two|"],
    ["backspace", "ab|c", "a|c"],
    ["backspace", "|abc", "|abc"],
    ["backspace", "a\u{1f433}|", "a|"],
    ["delete", "a|bc", "a|c"],
    ["end-of-input", "a|bc", "a|c"],
    ["kill-to-start", "ab|c", "|c"],
    ["kill-to-end", "a|bc", "a|"],
    ["kill-word", "one two|", "one |"],
    ["kill-word", "one  |", "|"],
  ] satisfies [KeyName, string, string][])("%s turns %p into %p", (name, before, after) => {
    const editor = editing(before);
    editor.press({ kind: "key", name });
    expect(shown(editor)).toBe(after);
  });

  test("is reported as unchanged when it does nothing", () => {
    expect(editing("|abc").press({ kind: "key", name: "left" })).toBe("unchanged");
    expect(editing("abc|").press({ kind: "key", name: "ignored" })).toBe("unchanged");
  });

  test("Ctrl-D ends the input only on an empty line", () => {
    expect(editing("").press({ kind: "key", name: "end-of-input" })).toBe("ended");
    expect(editing("|a").press({ kind: "key", name: "end-of-input" })).toBe("edited");
  });
});

describe("the history", () => {
  test("is browsed up and down, back to the edited line", () => {
    const editor = editing("draft", ["first", "second"]);
    const press = (name: KeyName) => {
      editor.press({ kind: "key", name });
      return editor.text;
    };
    expect([press("up"), press("up"), press("up")]).toEqual(["second", "first", "first"]);
    expect([press("down"), press("down"), press("down")]).toEqual(["second", "draft", "draft"]);
  });
});

test("a line does not grow beyond its limit", () => {
  const editor = editing("a".repeat(MAX_LINE_LENGTH));
  expect(editor.press({ kind: "text", text: "b" })).toBe("unchanged");
  expect(editor.text.length).toBe(MAX_LINE_LENGTH);
});
