import { expect, test } from "bun:test";
import {
  type CleanupRule,
  parseCleanupRule,
} from "../../../../src/backends/oci-http/policy/cleanup-rules.ts";
import {
  type ManifestNode,
  planCleanup,
  type RepositoryContent,
} from "../../../../src/backends/oci-http/upkeep/cleanup-plan.ts";
import { type Digest, digestOf } from "../../../../src/primitives/digest.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";

const NOW = 1_000_000;
const digestFor = (name: string): Digest => digestOf(Buffer.from(name));

function ruleOf(text: string): CleanupRule {
  const rule = parseCleanupRule(text);
  if (!rule) throw new Error(`'${text}' is no rule`);
  return rule;
}

interface Content {
  /** Each tag with the name of its manifest, the one that was set first at the beginning. */
  readonly tags: Readonly<Record<string, string>>;
  /** The names of manifests with those of their children and their subject. */
  readonly manifests: Readonly<
    Record<string, { readonly children?: readonly string[]; readonly subject?: string }>
  >;
  /** Seconds ago; 0 unless it is given. */
  readonly age?: Readonly<Record<string, number>>;
}

function contentOf({ tags, manifests, age = {} }: Content): RepositoryContent {
  const mentioned = new Map(Object.entries(age).map(([name, seconds]) => [digestFor(name), NOW - seconds]));
  return {
    tags: new Map(Object.entries(tags).map(([tag, name]) => [tag as Tag, digestFor(name)])),
    sets: new Map(Object.keys(tags).map((tag, place) => [tag as Tag, [place]])),
    manifests: new Map(
      Object.entries(manifests).map(([name, { children = [], subject }]): [Digest, ManifestNode] => [
        digestFor(name),
        {
          children: children.map(digestFor),
          subject: subject === undefined ? undefined : digestFor(subject),
        },
      ]),
    ),
    mentionedAt: (digest) => mentioned.get(digest),
  };
}

/** What a rule lets go, by name. */
function plan(rule: string, content: Content) {
  const { tags, manifests, counted, images } = planCleanup(ruleOf(rule), contentOf(content), NOW);
  const names = new Map(
    [...Object.keys(content.manifests), ...Object.values(content.tags)].map((name) => [
      digestFor(name),
      name,
    ]),
  );
  const named = (digests: Iterable<Digest>) => [...digests].map((digest) => names.get(digest)).sort();
  return { tags, manifests: named(manifests), counted: [...counted], images: named(images) };
}

test("a rule for the newest tags names the tags that go, those that count and the images that nothing else keeps", () => {
  const content = {
    tags: { a: "one", b: "two", c: "one", d: "three" },
    manifests: { one: {}, two: {}, three: {} },
  };
  expect(plan("**,newest=2", content)).toEqual({
    tags: ["a", "b"] as Tag[],
    // Manifests go by 'untagged' alone.
    manifests: [],
    counted: ["c", "d"] as Tag[],
    // The tag c keeps the image one.
    images: ["two"],
  });
});

test("a tag that a rule keeps by its name does not count as one of the newest", () => {
  const content = { tags: { v1: "one", a: "two", b: "three" }, manifests: { one: {}, two: {}, three: {} } };
  expect(plan("**,newest=1,keep=v*", content)).toMatchObject({ tags: ["a"], counted: ["b"] });
});

test("the children of a deleted index are deleted too, unless another tag or index refers to them", () => {
  const content = {
    tags: { old: "index", shared: "child", new: "other" },
    manifests: { index: { children: ["child", "own"] }, child: {}, own: {}, other: {} },
  };
  expect(plan("**,newest=2", content)).toMatchObject({ tags: ["old"], images: ["index", "own"] });
});

test("a signature is deleted with its image, and so is the signature of the signature", () => {
  const subjectTag = (name: string) => `${digestFor(name).replace(":", "-")}.sig`;
  const content = {
    tags: {
      old: "image",
      [subjectTag("image")]: "signature",
      [subjectTag("signature")]: "second",
      new: "kept",
    },
    manifests: { image: {}, signature: {}, second: {}, kept: {} },
  };
  expect(plan("**,newest=1", content)).toMatchObject({
    tags: ["old", subjectTag("image"), subjectTag("signature")] as Tag[],
    images: ["image", "second", "signature"],
  });
});

test("a signature of an image that was never here stays, and one of an image that was deleted goes", () => {
  const tagOf = (name: string) => `${digestFor(name).replace(":", "-")}.sig`;
  const content = {
    tags: { [tagOf("elsewhere")]: "first", [tagOf("deleted")]: "second" },
    manifests: { first: {}, second: {} },
    age: { deleted: 10 },
  };
  expect(plan("**,newest=5", content).tags).toEqual([tagOf("deleted")] as Tag[]);
});

test("manifests without a tag go after the time of their rule, with their referrers", () => {
  const content = {
    tags: { v1: "tagged" },
    manifests: {
      tagged: { children: ["child"] },
      child: {},
      old: {},
      "signature of old": { subject: "old" },
      young: {},
      unknown: {},
      "signature of tagged": { subject: "tagged" },
    },
    age: {
      tagged: 500,
      child: 500,
      old: 500,
      "signature of old": 1,
      young: 99,
      "signature of tagged": 500,
    },
  };
  expect(plan("**,untagged=100s", content)).toMatchObject({
    tags: [],
    manifests: ["old", "signature of old"],
  });
});
