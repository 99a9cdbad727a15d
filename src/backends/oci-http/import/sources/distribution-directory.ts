import { existsSync, statSync } from "node:fs";
import { type Digest, digestAlgorithm, digestHex, parseDigest } from "../../../../primitives/digest.ts";
import { parseRepositoryName, type RepositoryName } from "../../../../registry/model/repository-name.ts";
import { parseTag } from "../../../../registry/model/tag.ts";
import {
  type ImportSource,
  type SourceContent,
  SourceFault,
  type SourceManifest,
  type SourceMove,
  type SourceTag,
  type Untaken,
} from "./import-source.ts";
import { parsedManifest } from "./parsed-manifest.ts";
import { directoriesIn, fileBytes, readable, smallFile } from "./read-files.ts";

/** Where distribution keeps its files below `rootdirectory`. */
const BELOW_ROOT = "docker/registry/v2";
/** A server may be writing the file just now. */
const READ_AGAIN_AFTER_MS = 50;
const MAX_LINK_BYTES = 1024;

/**
 * The directory of the CNCF distribution registry, versions 2 and 3, which may be running:
 *
 *     repositories/<name>/_manifests/revisions/<algorithm>/<hex>/link          a manifest of the repository
 *     repositories/<name>/_manifests/tags/<tag>/current/link                   what the tag names
 *     repositories/<name>/_manifests/tags/<tag>/index/<algorithm>/<hex>/link   what it ever named; written again when it is set
 *     blobs/<algorithm>/<first two of hex>/<hex>/data                          manifests and blobs
 *
 * A link is a file with a digest; its time is that of the push.
 */
export class DistributionDirectory implements ImportSource {
  readonly kind = "the directory of a distribution registry";
  readonly parallel = 4;
  readonly place: string;
  readonly #root: string;

  private constructor(place: string, root: string) {
    this.place = place;
    this.#root = root;
  }

  /** `undefined` if the directory is none. */
  static at(path: string): DistributionDirectory | undefined {
    const root = [`${path}/${BELOW_ROOT}`, path].find(
      (each) => existsSync(`${each}/repositories`) && existsSync(`${each}/blobs`),
    );
    return root === undefined ? undefined : new DistributionDirectory(path, root);
  }

  async repositories() {
    const names: RepositoryName[] = [];
    const untaken: Untaken[] = [];
    const walk = async (name: string): Promise<void> => {
      const components = await readable(() => directoriesIn(`${this.#root}/repositories/${name}`));
      if (components instanceof SourceFault) {
        untaken.push({ what: name, reason: components.reason });
        return;
      }
      for (const component of components) {
        if (component === "_manifests") {
          const parsed = parseRepositoryName(name);
          if (parsed) names.push(parsed);
          else untaken.push({ what: name, reason: "it is no valid name of a repository" });
        } else if (!component.startsWith("_")) await walk(name === "" ? component : `${name}/${component}`);
      }
    };
    await walk("");
    return { names, untaken };
  }

  async content(repository: RepositoryName): Promise<SourceContent> {
    const content = await readable(() => this.#content(repository));
    if (!(content instanceof SourceFault)) return content;
    return { tags: [], untagged: [], untaken: [{ what: repository, reason: content.reason }] };
  }

  async #content(repository: RepositoryName): Promise<SourceContent> {
    const manifests = `${this.#root}/repositories/${repository}/_manifests`;
    const revisions = linksIn(`${manifests}/revisions`);
    const isHeld = new Set(revisions.map(({ digest }) => digest));
    const tags: SourceTag[] = [];
    const untaken: Untaken[] = [];
    for (const name of directoriesIn(`${manifests}/tags`)) {
      const tag = parseTag(name);
      const current = tag && (await readable(() => currentOf(`${manifests}/tags/${tag}/current/link`)));
      if (!tag) untaken.push({ what: `${repository}:${name}`, reason: "it is no valid tag" });
      else if (current instanceof SourceFault)
        untaken.push({ what: `${repository}:${tag}`, reason: current.reason });
      else if (current) {
        const earlier = linksIn(`${manifests}/tags/${tag}/index`)
          .filter(({ digest }) => digest !== current.digest && isHeld.has(digest))
          .sort((a, b) => (a.made ?? 0) - (b.made ?? 0));
        tags.push({ tag, ...current, earlier });
      }
    }
    const named = new Set(
      tags.flatMap(({ digest, earlier }) => [digest, ...earlier.map((move) => move.digest)]),
    );
    return { tags, untagged: revisions.filter(({ digest }) => !named.has(digest)), untaken };
  }

  async manifest(repository: RepositoryName, digest: Digest): Promise<SourceManifest | SourceFault> {
    const link = `${this.#root}/repositories/${repository}/_manifests/revisions/${pathOf(digest)}/link`;
    if (!existsSync(link)) return new SourceFault("its manifest was deleted there");
    const bytes = await smallFile(this.#data(digest));
    if (bytes instanceof SourceFault) return bytes;
    return bytes ? parsedManifest(bytes, digest) : new SourceFault(`its manifest ${digest} is missing there`);
  }

  async blob(_repository: RepositoryName, digest: Digest, from: number, size: number) {
    const path = this.#data(digest);
    const actual = await readable(() => statSync(path, { throwIfNoEntry: false })?.size);
    if (actual instanceof SourceFault) return actual;
    if (actual === undefined) return new SourceFault(`the blob ${digest} is missing there`);
    if (actual !== size)
      return new SourceFault(`the blob ${digest} has ${actual} bytes there, and its manifest says ${size}`);
    return fileBytes(path, from, size);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #data(digest: Digest): string {
    const hex = digestHex(digest);
    return `${this.#root}/blobs/${digestAlgorithm(digest)}/${hex.slice(0, 2)}/${hex}/data`;
  }
}

function pathOf(digest: Digest): string {
  return `${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

/** The digests of a directory of links, with the times of the links. */
function linksIn(directory: string): SourceMove[] {
  return directoriesIn(directory).flatMap((algorithm) =>
    directoriesIn(`${directory}/${algorithm}`).flatMap((hex) => {
      const digest = parseDigest(`${algorithm}:${hex}`);
      const made = timeOf(`${directory}/${algorithm}/${hex}/link`);
      return digest && made !== undefined ? [{ digest, made }] : [];
    }),
  );
}

function timeOf(path: string): number | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && Math.floor(stat.mtimeMs / 1000);
}

/** What a tag names; `undefined` if it was deleted. */
async function currentOf(path: string): Promise<SourceMove | SourceFault | undefined> {
  for (const isLast of [false, true]) {
    const made = timeOf(path);
    if (made === undefined) return undefined;
    const link = await smallFile(path, MAX_LINK_BYTES);
    const digest = link instanceof Uint8Array && parseDigest(Buffer.from(link).toString().trim());
    if (digest) return { digest, made };
    if (isLast) return link instanceof SourceFault ? link : new SourceFault(`${path} holds no digest`);
    await Bun.sleep(READ_AGAIN_AFTER_MS);
  }
  return undefined;
}
