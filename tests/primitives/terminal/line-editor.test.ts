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
    ["kill-next-word", "one| two three", "one| three"],
    ["left", "e\u0301|", "|e\u0301"],
    ["right", "|e\u0301x", "e\u0301|x"],
    ["left", "a\u{1f468}\u200d\u{1f469}|", "a|\u{1f468}\u200d\u{1f469}"],
    ["backspace", "ae\u0301|b", "a|b"],
    ["delete", "a|\u{1f1e9}\u{1f1ea}b", "a|b"],
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

test("a letter with thousands of accents is passed in few steps of bounded cost", () => {
  const editor = editing(`e${"\u0301".repeat(4000)}|`);
  let steps = 0;
  for (; editor.cursor > 0; steps++) editor.press({ kind: "key", name: "left" });
  expect(steps).toBeLessThan(100);
});

test("a line does not grow beyond its limit", () => {
  const editor = editing("a".repeat(MAX_LINE_LENGTH));
  expect(editor.press({ kind: "text", text: "b" })).toBe("unchanged");
  expect(editor.text.length).toBe(MAX_LINE_LENGTH);
});
