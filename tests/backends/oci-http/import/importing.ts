import type { CopyWatch } from "../../../../src/backends/oci-http/import/blob-copies.ts";
import { partsOf, planImport } from "../../../../src/backends/oci-http/import/import-plan.ts";
import { newTally, notePlan, runImport } from "../../../../src/backends/oci-http/import/import-run.ts";
import { parseImportSelection } from "../../../../src/backends/oci-http/import/import-selection.ts";
import { ManifestReader } from "../../../../src/backends/oci-http/import/manifest-reader.ts";
import type { ImportSource } from "../../../../src/backends/oci-http/import/sources/import-source.ts";
import { openFileSource } from "../../../../src/backends/oci-http/import/sources/open-source.ts";
import type { ImportTarget } from "../../../../src/backends/oci-http/import/target/import-target.ts";
import { StoreTarget } from "../../../../src/backends/oci-http/import/target/store-target.ts";
import type { Policy } from "../../../../src/backends/oci-http/store/instance-policy.ts";
import type { Digest } from "../../../../src/primitives/digest.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import type { MadeImage } from "../../../support/image-files.ts";
import { ALICE, type TestStore } from "../../../support/oci-store.ts";

export interface ImportingOptions {
  readonly repositories?: readonly string[];
  readonly taggedOnly?: boolean;
  readonly prefix?: string;
  readonly unnamed?: string;
  readonly settings?: Partial<Policy>;
  readonly watch?: CopyWatch;
  /** Stands between the import and the store. */
  readonly around?: (target: ImportTarget) => ImportTarget;
}

/** Imports a directory or an archive into a store, as alice. */
export async function importFrom(store: TestStore, place: string, options: ImportingOptions = {}) {
  return importAll(
    store,
    await openFileSource(place, options.unnamed as RepositoryName | undefined),
    options,
  );
}

export async function importAll(store: TestStore, source: ImportSource, options: ImportingOptions = {}) {
  const { repositories = [], taggedOnly = false, prefix = "", around = (target) => target } = options;
  const selection = parseImportSelection(repositories, { taggedOnly, prefix });
  if ("wrong" in selection) throw new Error(selection.wrong);
  const target = around(targetIn(store, source.place, options.settings));
  const manifests = new ManifestReader(source);
  const tally = newTally();
  const { watch = { copied: () => undefined, found: () => undefined } } = options;
  const { parts, untaken } = await partsOf({ source, selection });
  tally.untaken.push(...untaken);
  for (const part of parts) {
    const planning = { source, target, manifests, selection, progress: () => undefined };
    const plan = await planImport(planning, part);
    notePlan(tally, plan);
    await runImport({ source, target, manifests, watch, tally }, plan);
  }
  return tally;
}

export function targetIn(store: TestStore, source: string, settings: Partial<Policy> = {}): ImportTarget {
  const config: Policy = { references: "strict", immutable: [], ...settings };
  return new StoreTarget(() => ({ config, oci: store.oci }), { identity: ALICE.identity, source });
}

/** Whether the repository has the image and all that it names, byte for byte. */
export async function holdsImage(store: TestStore, repository: string, image: MadeImage): Promise<boolean> {
  const name = repository as RepositoryName;
  const content = store.oci.index.manifest(name, image.digest)?.content;
  if (!content || !Buffer.from(content).equals(image.manifest)) return false;
  for (const [digest, bytes] of image.blobs) {
    const stored = await store.oci.blobs.open(digest);
    if (!stored || !store.oci.index.refersToBlob(name, digest)) return false;
    if (!Buffer.from(await new Response(stored.stream()).arrayBuffer()).equals(bytes)) return false;
  }
  for (const child of image.children) if (!(await holdsImage(store, repository, child))) return false;
  return true;
}

export function tagIn(store: TestStore, repository: string, tag: string): Digest | undefined {
  return store.oci.index.tagDigest(repository as RepositoryName, tag as Tag);
}

/** The commits of the store, the oldest first: subject and author's date. */
export async function commitsOf({ oci }: TestStore): Promise<[subject: string, seconds: number][]> {
  const commits: [string, number][] = [];
  for await (const { commit } of oci.store.history())
    commits.push([commit.message.split("\n")[0] ?? "", commit.author.seconds]);
  return commits.reverse();
}
