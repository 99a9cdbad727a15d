import { readdirSync } from "node:fs";
import {
  DIGEST_ALGORITHMS,
  type Digest,
  digestAlgorithm,
  finishDigest,
  parseDigest,
} from "../../primitives/digest.ts";
import { DerivedIndex } from "../../primitives/store/derived-index.ts";
import { ScopeClock } from "../../primitives/store/scope-clock.ts";
import { ManifestFault, parseManifest } from "../../registry/manifest.ts";
import type { RepositoryName } from "../../registry/repository-name.ts";
import { OCI_INDEX, OciIndexReader } from "./oci-index.ts";
import type { OciStore } from "./oci-store.ts";

/** Tags named with a damaged blob; more are only counted. */
const MAX_NAMED_TAGS = 5;
const MAX_TAGS_AT_ONCE = 1000;

export interface OciReport {
  readonly blobs: number;
  /** One line each. */
  readonly problems: readonly string[];
}

/** Hashes every blob again, looks for those that tags need and that are gone, and compares the index with the commits. */
export async function checkOciStore(oci: OciStore, dir: string): Promise<OciReport> {
  const commitId = oci.store.head().commitId;
  const fresh = DerivedIndex.open(":memory:", OCI_INDEX, new ScopeClock());
  try {
    if (commitId) await oci.store.project(fresh, commitId);
    const truth = new OciIndexReader(fresh.db);
    const tagsByBlob = collectTags(truth);
    const problems: string[] = [];
    const found = new Set<Digest>();
    for (const digest of blobsIn(`${dir}/blobs`)) {
      found.add(digest);
      if ((await hashOf(oci, digest)) !== digest) {
        problems.push(`blob ${digest} is damaged${affected(tagsByBlob.get(digest))}`);
      }
    }
    for (const [digest, tags] of tagsByBlob) {
      if (!found.has(digest)) problems.push(`blob ${digest} is missing${affected(tags)}`);
    }
    if (fresh.dump() !== oci.dumpIndex()) {
      problems.push(
        "the index differs from the commits; stop the server and remove index.sqlite to have it built anew",
      );
    }
    return { blobs: found.size, problems };
  } finally {
    fresh.close();
  }
}

function* blobsIn(dir: string): Generator<Digest> {
  for (const algorithm of DIGEST_ALGORITHMS) {
    for (const part of readdirSync(`${dir}/${algorithm}`)) {
      for (const hex of readdirSync(`${dir}/${algorithm}/${part}`)) {
        const digest = parseDigest(`${algorithm}:${hex}`);
        if (digest) yield digest;
      }
    }
  }
}

async function hashOf(oci: OciStore, digest: Digest): Promise<Digest> {
  const algorithm = digestAlgorithm(digest);
  const hasher = new Bun.CryptoHasher(algorithm);
  for await (const chunk of Bun.file(oci.blobs.path(digest)).stream()) hasher.update(chunk);
  return finishDigest(algorithm, hasher);
}

/** The tags that need each blob, through indexes too. */
function collectTags(index: OciIndexReader): Map<Digest, string[]> {
  const tagsByBlob = new Map<Digest, string[]>();
  for (const repository of index.repositoriesAfter("")) {
    for (let last = "", more = true; more; ) {
      const tags = index.tags(repository, last, MAX_TAGS_AT_ONCE);
      for (const tag of tags) {
        const digest = index.tagDigest(repository, tag);
        for (const blob of digest ? blobsOf(index, repository, digest) : []) {
          const names = tagsByBlob.get(blob);
          if (names) names.push(`${repository}:${tag}`);
          else tagsByBlob.set(blob, [`${repository}:${tag}`]);
        }
      }
      more = tags.length === MAX_TAGS_AT_ONCE;
      last = tags.at(-1) ?? "";
    }
  }
  return tagsByBlob;
}

function blobsOf(index: OciIndexReader, repository: RepositoryName, top: Digest): Set<Digest> {
  const blobs = new Set<Digest>();
  const seen = new Set<Digest>();
  const pending = [top];
  for (let digest = pending.pop(); digest; digest = pending.pop()) {
    if (seen.has(digest)) continue;
    seen.add(digest);
    const stored = index.manifest(repository, digest);
    const manifest = stored && parseManifest(stored.content);
    if (!manifest || manifest instanceof ManifestFault) continue;
    for (const blob of manifest.blobs) blobs.add(blob);
    pending.push(...manifest.manifests);
  }
  return blobs;
}

function affected(tags: readonly string[] = []): string {
  if (tags.length === 0) return "; no tag needs it";
  const more = tags.length > MAX_NAMED_TAGS ? ` and ${tags.length - MAX_NAMED_TAGS} more` : "";
  return `; needed by ${tags.slice(0, MAX_NAMED_TAGS).join(", ")}${more}`;
}
