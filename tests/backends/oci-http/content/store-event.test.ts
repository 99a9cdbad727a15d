import { expect, test } from "bun:test";
import {
  formatEvent,
  madeAt,
  onlyAdds,
  parseEvent,
  type StoreEvent,
} from "../../../../src/backends/oci-http/content/store-event.ts";
import type { Digest } from "../../../../src/primitives/digest.ts";
import { SYSTEM_IDENTITY } from "../../../../src/primitives/store/commits/commit-group.ts";
import { EMPTY_TREE } from "../../../../src/primitives/store/commits/tree-edit.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";

const repository = "team/app" as RepositoryName;
const digest = `sha256:${"ab".repeat(32)}` as Digest;
const previous = `sha512:${"cd".repeat(64)}` as Digest;
const from = "ef".repeat(32) as ObjectId;
const origin = { client: "docker/27.0 \u{1f433}\r\nTag: forged", remote: "2001:db8::1" };
const demo = { tag: "demo" as Tag };
const latest = { tag: "latest" as Tag, previous };

/** Stores hold these texts for ever, so not one byte of them may change. */
const MESSAGES: readonly [event: StoreEvent, message: readonly string[]][] = [
  [
    { kind: "push", repository, digest, tags: [demo, latest], origin },
    [
      "push team/app:demo, latest",
      "",
      "Repository: team/app",
      "Tag: demo",
      "Tag: latest",
      `Previous: ${previous}`,
      `Digest: ${digest}`,
      "Client: docker/27.0 ????Tag: forged",
      "Remote: 2001:db8::1",
    ],
  ],
  [
    { kind: "import", repository, digest, tags: [demo], source: "https://old.example.org", origin },
    [
      "import team/app:demo",
      "",
      "Repository: team/app",
      "Tag: demo",
      `Digest: ${digest}`,
      "Source: https://old.example.org",
      "Client: docker/27.0 ????Tag: forged",
      "Remote: 2001:db8::1",
    ],
  ],
  [
    { kind: "push", repository, digest, tags: [], origin: { client: "", remote: "" } },
    ["push team/app@sha256:abababababab", "", "Repository: team/app", `Digest: ${digest}`],
  ],
  [
    {
      kind: "push",
      repository,
      digest,
      tags: [demo],
      origin: { client: "c".repeat(201), remote: "192.0.2.1" },
    },
    [
      "push team/app:demo",
      "",
      "Repository: team/app",
      "Tag: demo",
      `Digest: ${digest}`,
      `Client: ${"c".repeat(200)}`,
      "Remote: 192.0.2.1",
    ],
  ],
  [
    {
      kind: "delete",
      repository,
      digest,
      tags: [demo],
      byDigest: false,
      origin: { client: "curl", remote: "::1" },
    },
    [
      "delete team/app:demo",
      "",
      "Repository: team/app",
      "Tag: demo",
      `Digest: ${digest}`,
      "Client: curl",
      "Remote: ::1",
    ],
  ],
  [
    {
      kind: "delete",
      repository,
      digest,
      tags: [demo],
      byDigest: true,
      origin: { client: "curl", remote: "::1" },
    },
    [
      "delete team/app@sha256:abababababab",
      "",
      "Repository: team/app",
      "Tag: demo",
      `Digest: ${digest}`,
      "Client: curl",
      "Remote: ::1",
    ],
  ],
  [
    { kind: "restore", repository, tags: [{ ...latest, after: digest }], from, client: "console" },
    [
      "restore team/app:latest",
      "",
      "Repository: team/app",
      "Tag: latest",
      `Previous: ${previous}`,
      `Digest: ${digest}`,
      `Restores: ${from}`,
      "Client: console",
    ],
  ],
  [
    {
      kind: "restore",
      repository,
      tags: [
        { ...demo, after: digest },
        { ...latest, after: undefined },
      ],
      from,
      client: "console",
    },
    [
      "restore team/app",
      "",
      "Repository: team/app",
      "Tag: demo",
      "Tag: latest",
      `Previous: ${previous}`,
      `Restores: ${from}`,
      "Client: console",
    ],
  ],
  [
    { kind: "restore", repository: undefined, tags: [{ ...demo, after: digest }], from, client: "console" },
    ["restore all repositories", "", `Restores: ${from}`, "Client: console"],
  ],
  [
    { kind: "cleanup", repository, tags: [latest], rule: "keep=5 untagged=7d" },
    [
      "clean up team/app",
      "",
      "Repository: team/app",
      "Tag: latest",
      `Previous: ${previous}`,
      "Rule: keep=5 untagged=7d",
      "Client: gc",
    ],
  ],
  [
    {
      kind: "remove",
      repository: undefined,
      selection: "team/**:pr-*",
      tags: [demo],
      counts: { repositories: 3, tags: 4, manifests: 1 },
      origin: { client: "console", remote: "::1" },
    },
    [
      "delete team/**:pr-* (4 tags and 1 manifest in 3 repositories)",
      "",
      "Deletes: team/**:pr-*",
      "Tags: 4",
      "Manifests: 1",
      "Client: console",
      "Remote: ::1",
    ],
  ],
  [
    {
      kind: "copy",
      from: repository,
      repository: "new" as RepositoryName,
      tags: [demo],
      counts: { repositories: 1, tags: 1, manifests: 2 },
      origin: { client: "console", remote: "" },
    },
    [
      "copy team/app to new",
      "",
      "Repository: new",
      "Tag: demo",
      "Copied-From: team/app",
      "Tags: 1",
      "Manifests: 2",
      "Client: console",
    ],
  ],
  [
    {
      kind: "rename",
      from: repository,
      repository: "new" as RepositoryName,
      tags: [demo],
      counts: { repositories: 1, tags: 1, manifests: 2 },
      origin: { client: "console", remote: "" },
    },
    [
      "rename team/app to new",
      "",
      "Renamed-From: team/app",
      "Renamed-To: new",
      "Tags: 1",
      "Manifests: 2",
      "Client: console",
    ],
  ],
  [
    {
      kind: "mirror",
      repository,
      digest,
      tags: [latest],
      upstream: "https://registry.example.org",
      origin: { client: "podman", remote: "192.0.2.1" },
    },
    [
      "mirror team/app:latest",
      "",
      "Repository: team/app",
      "Tag: latest",
      `Previous: ${previous}`,
      `Digest: ${digest}`,
      "Upstream: https://registry.example.org",
      "Client: podman",
      "Remote: 192.0.2.1",
    ],
  ],
  [
    {
      kind: "retag",
      repository,
      source: { kind: "tag", tag: "v1" as Tag },
      digest,
      tags: [latest],
      origin: { client: "console", remote: "" },
    },
    [
      "tag team/app:v1 as latest",
      "",
      "Repository: team/app",
      "Tag: latest",
      `Previous: ${previous}`,
      `Digest: ${digest}`,
      "Client: console",
    ],
  ],
];

test("the messages of all events are written byte for byte as stores hold them", () => {
  for (const [event, lines] of MESSAGES) expect(formatEvent(event)).toBe(lines.join("\n"));
});

test("an event is read back with its repository, tags, digest and origin", () => {
  for (const [event] of MESSAGES) {
    const { subject, ...read } = parseEvent(`${formatEvent(event)}\n`);
    expect(formatEvent(event).startsWith(`${subject}\n`)).toBe(true);
    // A rename concerns two repositories alike.
    const written = event.kind === "rename" ? undefined : event.repository;
    expect(read.repository).toBe(written);
    if ("from" in event && event.kind !== "restore") expect(read.others).toContain(event.from);
    const named = written
      ? event.tags.map(({ tag, previous: before }) => ({ tag, ...(before && { previous: before }) }))
      : [];
    expect(read.tags).toEqual(named);
    if ("digest" in event) expect(read.digest).toBe(event.digest);
    if ("origin" in event) expect(read.remote).toBe(event.origin.remote || undefined);
  }
});

test("a commit of stock git is read as a subject alone", () => {
  expect(parseEvent("Merge branch 'x'\n\nSome text.\nRepository: Not/A/Name\nDigest: md5:1\n")).toEqual({
    subject: "Merge branch 'x'",
    repository: undefined,
    tags: [],
    digest: undefined,
    client: undefined,
    remote: undefined,
  });
});

test("only a push, an import or a fetch for a mirror that this server committed is known to remove nothing", () => {
  const signature = { ...SYSTEM_IDENTITY, seconds: 0 };
  const commit = { tree: EMPTY_TREE.id, parents: [], author: signature, committer: signature };
  const byGit = { ...commit, committer: { name: "a", email: "a@example.org", seconds: 0 } };
  expect(onlyAdds({ ...commit, message: "push a:b\n" })).toBe(true);
  expect(onlyAdds({ ...commit, message: "import a:b\n" })).toBe(true);
  expect(onlyAdds({ ...commit, message: "mirror a:b\n" })).toBe(true);
  expect(onlyAdds({ ...commit, message: "delete a:b\n" })).toBe(false);
  expect(onlyAdds({ ...byGit, message: "push a:b\n" })).toBe(false);
});

test("a commit of this server says when its content was made, and one that stock git amended does not", () => {
  const signature = { ...SYSTEM_IDENTITY, seconds: 50 };
  const author = { name: "alice", email: "alice@everlock", seconds: 20 };
  const commit = { tree: EMPTY_TREE.id, parents: [], author, committer: signature, message: "import a:b\n" };
  expect(madeAt(commit)).toBe(20);
  expect(madeAt({ ...commit, author: { ...author, seconds: 50 } })).toBeUndefined();
  expect(
    madeAt({ ...commit, committer: { name: "a", email: "a@example.org", seconds: 50 } }),
  ).toBeUndefined();
});
