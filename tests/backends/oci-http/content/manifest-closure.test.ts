import { expect, test } from "bun:test";
import {
  type ClosureOptions,
  manifestClosure,
} from "../../../../src/backends/oci-http/content/manifest-closure.ts";
import { type Digest, digestOf } from "../../../../src/primitives/digest.ts";
import { IMAGE_INDEX, IMAGE_MANIFEST } from "../../../../src/registry/model/media-types.ts";

const stored = new Map<Digest, Uint8Array>();

function add(content: object): Digest {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...content }));
  const digest = digestOf(bytes, "sha256");
  stored.set(digest, bytes);
  return digest;
}

const blob = (name: string) => ({ mediaType: "x/y", digest: digestOf(Buffer.from(name), "sha256"), size: 1 });
const image = (name: string) =>
  add({ mediaType: IMAGE_MANIFEST, config: blob(name), layers: [blob("shared")] });
const index = (...children: Digest[]) =>
  add({
    mediaType: IMAGE_INDEX,
    manifests: children.map((digest) => ({ mediaType: IMAGE_MANIFEST, digest, size: 1 })),
  });

async function walk(top: Digest, options: Partial<ClosureOptions> = {}): Promise<Digest[]> {
  const found: Digest[] = [];
  const read = async (digest: Digest) => stored.get(digest);
  for await (const { digest } of manifestClosure(top, { read, ...options })) found.push(digest);
  return found;
}

const [a, b] = [image("a"), image("b")];
const inner = index(a);
const outer = index(inner, b, a);

test("the closure of a manifest has the manifest, its children and their children, each once", async () => {
  expect(await walk(outer)).toEqual([outer, inner, b, a]);
  expect(await walk(a)).toEqual([a]);
});

test("the closure of a manifest leaves out children that are missing or are no manifests", async () => {
  const bytes = Buffer.from("no manifest");
  const other = digestOf(bytes, "sha256");
  stored.set(other, bytes);
  const gone = digestOf(Buffer.from("gone"), "sha256");
  expect(await walk(gone)).toEqual([]);
  const top = index(gone, other, b);
  expect(await walk(top)).toEqual([top, b]);
});

test("a second walk over manifests leaves out what the first one visited", async () => {
  const seen = new Set<Digest>();
  expect(await walk(inner, { seen })).toEqual([inner, a]);
  expect(await walk(outer, { seen })).toEqual([outer, b]);
});

test("a walk over manifests ends at its depth", async () => {
  expect(await walk(outer, { maxDepth: 1 })).toEqual([outer]);
  expect(await walk(index(inner), { maxDepth: 2 })).toEqual([index(inner), inner]);
});
