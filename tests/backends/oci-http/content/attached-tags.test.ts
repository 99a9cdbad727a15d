import { expect, test } from "bun:test";
import { subjectInTag } from "../../../../src/backends/oci-http/content/attached-tags.ts";
import type { Digest } from "../../../../src/primitives/digest.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";

const HEX = "0123456789abcdef".repeat(4);
const SHA256 = `sha256:${HEX}` as Digest;
const SHA512 = `sha512:${HEX}${"f".repeat(64)}` as Digest;
const subjectOf = (tag: string) => subjectInTag(tag as Tag);

test.each(["", ".sig", ".att", ".sbom"])(
  "a tag of cosign's schema that ends in '%s' names the whole digest of its subject",
  (suffix) => {
    const subject = subjectOf(`sha256-${HEX}${suffix}`);
    expect(subject?.whole).toBe(SHA256);
    expect(subject?.isDigest(SHA256)).toBe(true);
    expect(subject?.isDigest(`sha256:${HEX.slice(1)}0` as Digest)).toBe(false);
  },
);

test("the fallback tag for referrers of a SHA-512 digest names the beginning of it", () => {
  const subject = subjectOf(`sha512-${HEX}`);
  expect(subject?.whole).toBeUndefined();
  expect(subject?.isDigest(SHA512)).toBe(true);
  expect(subject?.isDigest(SHA256)).toBe(false);
});

test.each(["v1", "sha256", `sha256-${HEX.slice(1)}`, `md5-${HEX}`, `sha256-${HEX.toUpperCase()}`])(
  "the tag '%s' is the tag of an image",
  (tag) => {
    expect(subjectOf(tag)).toBeUndefined();
  },
);
