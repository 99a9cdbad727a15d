import { expect, test } from "bun:test";
import {
  formatCommitMessage,
  parseCommitMessage,
} from "../../../../src/primitives/store/git/commit-message.ts";

test("a message is its subject, an empty line and its trailers, and is read as it was written", () => {
  const message = {
    subject: "push alpine:demo",
    trailers: [
      ["Repository", "alpine"],
      ["Tag", "demo"],
      ["Tag", "latest"],
    ],
  } as const;
  const text = "push alpine:demo\n\nRepository: alpine\nTag: demo\nTag: latest";
  expect(formatCommitMessage(message)).toBe(text);
  expect(parseCommitMessage(`${text}\n`)).toEqual(message);
});

test("a message without trailers is its subject alone", () => {
  expect(formatCommitMessage({ subject: "add user alice", trailers: [] })).toBe("add user alice");
  expect(parseCommitMessage("add user alice\n")).toEqual({ subject: "add user alice", trailers: [] });
});

test("a line end in a value cannot forge another trailer", () => {
  const text = formatCommitMessage({ subject: "a\nb", trailers: [["Client", "x\nRemote: 10.0.0.1"]] });
  expect(text).toBe("a?b\n\nClient: x?Remote: 10.0.0.1");
  expect(parseCommitMessage(text).trailers).toEqual([["Client", "x?Remote: 10.0.0.1"]]);
});

test("text in a body is not parsed as trailers", () => {
  const text = "fix the tag\n\nThe tag was wrong.\nsee: nothing\nTag : x\nTag:\n";
  expect(parseCommitMessage(text)).toEqual({ subject: "fix the tag", trailers: [] });
});
