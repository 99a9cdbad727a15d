import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, statSync } from "node:fs";
import { manifestPath, tagPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { OCI_INDEX } from "../../../../src/backends/oci-http/index/oci-index.ts";
import { OciIndexReader } from "../../../../src/backends/oci-http/index/oci-index-reader.ts";
import { type Digest, digestOf } from "../../../../src/primitives/digest.ts";
import { damageIn } from "../../../../src/primitives/sqlite/database-damage.ts";
import type { Change } from "../../../../src/primitives/store/commits/tree-edit.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { DerivedIndex } from "../../../../src/primitives/store/index/derived-index.ts";
import { ScopeClock } from "../../../../src/primitives/store/index/scope-clock.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { flipBit } from "../../../support/flipped-bit.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const REPOSITORIES = ["alpine", "team/app", "team/app/cache"] as RepositoryName[];
const IMAGES = 12;
/** How many bits are flipped, one after the other, spread over the file. */
const FLIPS = 250;
const HEAD = "ab".repeat(32) as ObjectId;

interface Pushed {
  readonly repository: RepositoryName;
  readonly tag: Tag;
  readonly digest: Digest;
  readonly content: Buffer;
  readonly layer: Digest;
}

const subject = digestOf(Buffer.from("signed"));
const images = REPOSITORIES.flatMap((repository) =>
  Array.from({ length: IMAGES }, (_, i): Pushed => {
    const layer = digestOf(Buffer.from(`layer ${i} of ${repository}`));
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const descriptor = (digest: Digest) => ({ mediaType: "application/octet-stream", digest, size: 5 });
    const content = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType,
        config: descriptor(digestOf(Buffer.from("{}"))),
        layers: [descriptor(layer)],
        subject: descriptor(subject),
      }),
    );
    return { repository, tag: `v${i}` as Tag, digest: digestOf(content), content, layer };
  }),
);
const changes = images.flatMap(({ repository, tag, digest, content }): Change[] => [
  { path: manifestPath(repository, digest), content },
  { path: tagPath(repository, tag), content: Buffer.from(`${digest}\n`) },
]);

/** A whole index in one file, and a place for damaged copies of it. */
function wholeIndex() {
  const dir = temporaryDirectory();
  const path = `${dir}/index.sqlite`;
  const index = DerivedIndex.open(path, OCI_INDEX, new ScopeClock());
  index.apply(changes, HEAD);
  index.close();
  const { size } = statSync(path);
  /** Gives a copy for each flipped bit, from the beginning of the file to its end. */
  function* flipped(): Generator<{ readonly copy: string; readonly where: string }> {
    for (let i = 0; i < FLIPS; i++) {
      const [offset, bit] = [Math.floor((i * size) / FLIPS) + ((i * 37) % 20), (i * 5) % 8];
      if (offset >= size) continue;
      const copy = `${dir}/copy-${i}.sqlite`;
      copyFileSync(path, copy);
      flipBit(copy, offset, bit);
      yield { copy, where: `bit ${bit} of byte ${offset}` };
    }
  }
  return { flipped };
}

/** Asks for something; damage that is noticed is as good as no answer. */
function ask<T>(question: () => T): T | "damaged" {
  try {
    return question();
  } catch (error) {
    if (damageIn(error) === undefined) throw error;
    return "damaged";
  }
}

/** Everything that an index answers wrongly; `isWhole`: also what it lacks. */
function wrongAnswers(index: OciIndexReader, isWhole: boolean): string[] {
  const wrong: string[] = [];
  const check = (what: string, answer: unknown, right: unknown, nothing: unknown) => {
    if (answer === "damaged" || Bun.deepEquals(answer, right)) return;
    if (isWhole || !Bun.deepEquals(answer, nothing)) wrong.push(`${what}: ${JSON.stringify(answer)}`);
  };
  for (const { repository, tag, digest, content, layer } of images) {
    check(
      `${repository}:${tag}`,
      ask(() => index.tagDigest(repository, tag)),
      digest,
      undefined,
    );
    const manifest = ask(() => index.manifest(repository, digest));
    const served = typeof manifest === "object" ? Buffer.from(manifest.content).toString() : manifest;
    check(`${repository}@${digest}`, served, content.toString(), undefined);
    check(
      `layer of ${repository}`,
      ask(() => index.refersToBlob(repository, layer)),
      true,
      false,
    );
    const foreign = REPOSITORIES.find((other) => other !== repository) ?? repository;
    check(
      `layer in ${foreign}`,
      ask(() => index.refersToBlob(foreign, layer)),
      false,
      false,
    );
  }
  for (const repository of REPOSITORIES) {
    const known = images.filter((image) => image.repository === repository);
    const [tags, digests] = [known.map(({ tag }) => tag), known.map(({ digest }) => String(digest))];
    const listed = ask(() => index.tags(repository, "", 100));
    const request = { artifactType: undefined, last: "", limit: 100, maxBytes: 1_000_000 };
    const referrers = ask(() =>
      index.referrers(repository, subject, request).entries.map((r) => String(r.digest)),
    );
    // A list without an entry is an answer that lacks something.
    const lacks = (list: readonly string[] | "damaged", all: readonly string[]) =>
      list === "damaged" || (!isWhole && list.every((entry) => all.includes(entry)))
        ? "damaged"
        : list.toSorted();
    check(`tags of ${repository}`, lacks(listed, tags), tags.toSorted(), []);
    check(`referrers in ${repository}`, lacks(referrers, digests), digests.toSorted(), []);
  }
  return wrong;
}

test("an index with any bit flipped gives no wrong result: rows have checksums and manifests have digests", () => {
  const { flipped } = wholeIndex();
  const wrong: string[] = [];
  let noticed = 0;
  for (const { copy, where } of flipped()) {
    const db = new Database(copy, { strict: true });
    const answers = wrongAnswers(new OciIndexReader(db), false);
    if (ask(() => new OciIndexReader(db).counts()) === "damaged") noticed++;
    wrong.push(...answers.map((answer) => `${where}: ${answer}`));
    db.close();
  }
  expect(wrong).toEqual([]);
  expect(noticed).toBeGreaterThan(0);
}, 60_000);

test("an index with any bit flipped is rebuilt and reported when it is opened, unless all its results are right", () => {
  const { flipped } = wholeIndex();
  const wrong: string[] = [];
  let reports = 0;
  for (const { copy, where } of flipped()) {
    let reason: string | undefined;
    const index = DerivedIndex.open(copy, OCI_INDEX, new ScopeClock(), (said) => {
      reason = said;
    });
    if (reason === undefined && index.head === HEAD) {
      wrong.push(...wrongAnswers(new OciIndexReader(index.db), true).map((answer) => `${where}: ${answer}`));
    } else {
      // Empty, and of use at once.
      expect(index.head).toBeUndefined();
      index.apply(changes, HEAD);
      expect(wrongAnswers(new OciIndexReader(index.db), true)).toEqual([]);
      if (reason !== undefined) reports++;
    }
    index.close();
  }
  expect(wrong).toEqual([]);
  expect(reports).toBeGreaterThan(FLIPS / 10);
}, 60_000);
