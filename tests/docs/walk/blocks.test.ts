import { describe, expect, test } from "bun:test";
import { chaptersOf } from "./blocks.ts";

describe("a document's code blocks", () => {
  test("are read by chapter, with what the comments before them say", () => {
    const chapters = chaptersOf(
      "# T\n\n## A\n\n    one\n\n    two\n\ntext\n\n    /x\n    /y\n\n## B\n\n<!-- file: /etc/z -->\n\n```toml\na = 1\n```\n\n" +
        "<!-- not run: it is\n  a lie -->\n    rm\n\n<!-- run:\nhidden\n-->\n\n    everlock serve \\\n      --x\n\n## C\n",
    );
    expect(chapters).toEqual([
      {
        title: "A",
        blocks: [
          { kind: "shell", text: "one\n\ntwo", line: 5 },
          { kind: "console", text: "/x\n/y", line: 11 },
        ],
      },
      {
        title: "B",
        blocks: [
          { kind: "file", path: "/etc/z", text: "a = 1", line: 18 },
          { kind: "skipped", reason: "it is\n  a lie", text: "rm", line: 24 },
          { kind: "shell", text: "hidden", line: 26 },
          { kind: "server", text: "everlock serve \\\n  --x", line: 30 },
        ],
      },
    ]);
  });

  test.each(["not run", "file", "something else"])(
    "are run if the comment '%s' gives no reason",
    (comment) => {
      const [chapter] = chaptersOf(`## A\n\n<!-- ${comment}: -->\n\n    x\n`);
      expect(chapter?.blocks).toMatchObject([{ kind: "shell" }]);
    },
  );
});
