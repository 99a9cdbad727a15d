import { type Digest, digestAlgorithm, digestHex, parseDigest } from "../../../primitives/digest.ts";
import { type StorePath, storePath } from "../../../primitives/store/commits/store-path.ts";
import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";
import { parseTag, type Tag } from "../../../registry/model/tag.ts";

/**
 * The paths in an OCI store. Every level that can grow is fanned out by hash, 16 entries per directory, because a commit
 * rewrites each directory above a changed file:
 *
 *     repositories/<h>/<h>/<name>/_tags/<h>/<h>/<h>/<tag>                     the digest and a line feed
 *     repositories/<h>/<h>/<name>/_manifests/<algorithm>/<h>/<h>/<h>/<hex>    the bytes as pushed
 *
 * No component of a repository's name begins with an underscore, so nothing collides.
 */
export type OciFile =
  | { readonly kind: "tag"; readonly repository: RepositoryName; readonly tag: Tag }
  | { readonly kind: "manifest"; readonly repository: RepositoryName; readonly digest: Digest };

/** The directory of a repository's tags. */
export const TAGS = "_tags";

export function tagPath(repository: RepositoryName, tag: Tag): StorePath {
  return storePath(`${tagsPrefix(repository)}${fanOut(tag, 3)}/${tag}`);
}

/** The path of a tag below the directory of its repository's tags. */
export function tagFile(tag: Tag): StorePath {
  return storePath(`${fanOut(tag, 3)}/${tag}`);
}

/** The tag of a file below the directory of a repository's tags; `undefined` for any other file. */
export function tagOfFile(path: StorePath): Tag | undefined {
  const tag = parseTag(path.slice(path.lastIndexOf("/") + 1));
  return tag && tagFile(tag) === path ? tag : undefined;
}

/** The common prefix of the paths of a repository's tags. */
export function tagsPrefix(repository: RepositoryName): string {
  return `${repositoryPath(repository)}/${TAGS}/`;
}

/** The common prefix of the paths of a repository's manifests. */
export function manifestsPrefix(repository: RepositoryName): string {
  return `${repositoryPath(repository)}/_manifests/`;
}

export function manifestPath(repository: RepositoryName, digest: Digest): StorePath {
  const [a, b, c] = digestHex(digest);
  return storePath(
    `${repositoryPath(repository)}/_manifests/${digestAlgorithm(digest)}/${a}/${b}/${c}/${digestHex(digest)}`,
  );
}

const OCI_FILE = /^repositories\/.\/.\/(.+?)\/(_tags|_manifests)\/(.+)$/;

/** Parses the path of a tag or manifest; `undefined` for any other file, such as one that an operator committed. */
export function parseOciPath(path: StorePath): OciFile | undefined {
  const [, name = "", folder, rest = ""] = path.match(OCI_FILE) ?? [];
  const repository = parseRepositoryName(name);
  if (!repository) return undefined;
  const parts = rest.split("/");
  const last = parts.at(-1) ?? "";
  if (folder === "_tags") {
    const tag = parseTag(last);
    return tag && tagPath(repository, tag) === path ? { kind: "tag", repository, tag } : undefined;
  }
  const digest = parseDigest(`${parts[0]}:${last}`);
  return digest && manifestPath(repository, digest) === path
    ? { kind: "manifest", repository, digest }
    : undefined;
}

/** The directory of a repository. */
export function repositoryPath(repository: RepositoryName): string {
  return `repositories/${fanOut(repository, 2)}/${repository}`;
}

/** The first `levels` hex digits of the name's SHA-256, as directories. */
function fanOut(name: string, levels: number): string {
  const hash = Bun.SHA256.hash(name, "hex");
  return hash.slice(0, levels).split("").join("/");
}
