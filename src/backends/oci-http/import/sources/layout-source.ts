import type { Digest } from "../../../../primitives/digest.ts";
import { parseRepositoryName, type RepositoryName } from "../../../../registry/model/repository-name.ts";
import { parseTag } from "../../../../registry/model/tag.ts";
import { inGivenRepository, parseImageName } from "./image-names.ts";
import {
  type ImportSource,
  type SourceContent,
  SourceFault,
  type SourceManifest,
  type SourceMove,
  type SourceTag,
  type Untaken,
} from "./import-source.ts";
import { filesOfDirectory } from "./layout-files.ts";
import { type LayoutEntry, type LayoutIndex, OciLayout } from "./oci-layout.ts";
import { directoriesIn, readable } from "./read-files.ts";

/** One layout, in a directory or an archive, whose index names images of any number of repositories. */
export class LayoutSource implements ImportSource {
  readonly kind = "an OCI layout";
  readonly parallel = 4;
  readonly place: string;
  readonly #layout: OciLayout;
  readonly #given: RepositoryName | undefined;
  readonly #contents = new Map<RepositoryName, SourceContent>();

  /** `given`: see `openFileSource`. */
  constructor(place: string, layout: OciLayout, given: RepositoryName | undefined) {
    this.place = place;
    this.#layout = layout;
    this.#given = given;
  }

  async repositories() {
    const index = await readable(() => this.#layout.index());
    if (index instanceof SourceFault)
      return { names: [], untaken: [{ what: this.place, reason: index.reason }] };
    const byRepository = new Map<RepositoryName, LayoutEntry[]>();
    const untaken: Untaken[] = index.faults.map((reason) => ({ what: this.place, reason }));
    for (const entry of index.entries) {
      const named =
        entry.name === undefined ? { repository: undefined, tag: undefined } : parseImageName(entry.name);
      const repository = named?.repository ?? this.#given;
      if (!named)
        untaken.push({ what: entry.name ?? entry.digest, reason: "it is no valid name of an image" });
      else if (!repository)
        untaken.push({
          what: entry.name ?? entry.digest,
          reason: "it has no repository's name; --repository <name> gives it one",
        });
      else {
        const known = byRepository.get(repository);
        const renamed = { ...entry, name: named.tag };
        if (known) known.push(renamed);
        else byRepository.set(repository, [renamed]);
      }
    }
    const repositories = inGivenRepository(byRepository, this.#given, this.place);
    for (const [name, entries] of repositories)
      this.#contents.set(name, contentOf(name, { entries, faults: [] }));
    return { names: [...repositories.keys()].sort(), untaken };
  }

  async content(repository: RepositoryName): Promise<SourceContent> {
    return this.#contents.get(repository) ?? { tags: [], untagged: [], untaken: [] };
  }

  manifest(_repository: RepositoryName, digest: Digest): Promise<SourceManifest | SourceFault> {
    return this.#layout.manifest(digest);
  }

  async blob(_repository: RepositoryName, digest: Digest, from: number, size: number) {
    return readable(() => blobOf([this.#layout], digest, from, size));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/**
 * A directory with a layout for each repository, at the path of its name, as zot keeps them and `everlock export --format oci`
 * writes them. The names in an index are tags. The server may be running.
 */
export class LayoutTree implements ImportSource {
  readonly kind = "a directory of OCI layouts, such as that of a zot registry";
  readonly parallel = 4;
  readonly place: string;
  readonly #layouts = new Map<RepositoryName, OciLayout>();

  constructor(place: string) {
    this.place = place;
  }

  async repositories() {
    const untaken: Untaken[] = [];
    const walk = async (name: string): Promise<void> => {
      for (const component of directoriesIn(`${this.place}/${name}`)) {
        // `_trivy`, `_trust`, `.uploads` and others of zot.
        if (/^[._]/.test(component)) continue;
        const path = name === "" ? component : `${name}/${component}`;
        const isOfLayout = component === "blobs" && layoutAt(`${this.place}/${name}`);
        const fault = await readable(async () => {
          untaken.push(...this.#visit(path));
          if (!isOfLayout) await walk(path);
        });
        if (fault instanceof SourceFault) untaken.push({ what: path, reason: fault.reason });
      }
    };
    await walk("");
    return { names: [...this.#layouts.keys()].sort(), untaken };
  }

  /** Returns what is wrong with the layout at a path, if there is one. */
  #visit(path: string): Untaken[] {
    const layout = new OciLayout(filesOfDirectory(`${this.place}/${path}`));
    if (!layout.isThere) return [];
    const repository = parseRepositoryName(path);
    if (!repository) return [{ what: path, reason: "it is no valid name of a repository" }];
    this.#layouts.set(repository, layout);
    return [];
  }

  async content(repository: RepositoryName): Promise<SourceContent> {
    const index = await readable(() => this.#layouts.get(repository)?.index());
    if (index instanceof SourceFault)
      return { tags: [], untagged: [], untaken: [{ what: repository, reason: index.reason }] };
    return contentOf(repository, index ?? { entries: [], faults: [] });
  }

  async manifest(repository: RepositoryName, digest: Digest): Promise<SourceManifest | SourceFault> {
    const layout = this.#layouts.get(repository);
    return layout ? layout.manifest(digest) : new SourceFault("its repository is gone there");
  }

  async blob(repository: RepositoryName, digest: Digest, from: number, size: number) {
    const own = this.#layouts.get(repository);
    return readable(() => {
      // Where zot keeps each blob once without hard links, it leaves an empty file in the other repositories.
      const others = own?.sizeOf(digest) === size ? [] : this.#layouts.values();
      return blobOf([...(own ? [own] : []), ...others], digest, from, size);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const layoutAt = (path: string) => new OciLayout(filesOfDirectory(path)).isThere;

function blobOf(
  layouts: readonly OciLayout[],
  digest: Digest,
  from: number,
  size: number,
): AsyncIterable<Uint8Array> | SourceFault {
  const found = layouts.find((layout) => layout.sizeOf(digest) === size);
  if (found) return found.blob(digest, from, size);
  const actual = layouts.map((layout) => layout.sizeOf(digest)).find((each) => each !== undefined);
  return new SourceFault(
    actual === undefined
      ? `the blob ${digest} is missing there`
      : `the blob ${digest} has ${actual} bytes there, and its manifest says ${size}`,
  );
}

/** Entries whose names are tags, or have none. */
function contentOf(repository: RepositoryName, { entries, faults }: LayoutIndex): SourceContent {
  const tags = new Map<string, SourceTag>();
  const untaken: Untaken[] = faults.map((reason) => ({ what: repository, reason }));
  for (const { digest, made, name } of entries) {
    if (name === undefined) continue;
    const tag = parseTag(name);
    if (!tag) untaken.push({ what: `${repository}:${name}`, reason: "it is no valid tag" });
    // Of several entries for one tag, the last one counts.
    else tags.set(tag, { tag, digest, made, earlier: [] });
  }
  const named = new Set([...tags.values()].map(({ digest }) => digest));
  const untagged = new Map<Digest, SourceMove>();
  for (const { digest, made } of entries) if (!named.has(digest)) untagged.set(digest, { digest, made });
  return { tags: [...tags.values()], untagged: [...untagged.values()], untaken };
}
