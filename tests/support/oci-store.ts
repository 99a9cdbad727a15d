import { existsSync, writeFileSync } from "node:fs";
import { OciStore } from "../../src/backends/oci-http/store/oci-store.ts";
import type { Author, Imported } from "../../src/backends/oci-http/store/store-changes.ts";
import { type Digest, digestOf } from "../../src/primitives/digest.ts";
import type { JobRun } from "../../src/primitives/jobs/job-runner.ts";
import { consoleLogger } from "../../src/primitives/logging/logger.ts";
import { localStores } from "../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../src/primitives/store/store-manager.ts";
import type { RepositoryName } from "../../src/registry/model/repository-name.ts";
import type { Tag } from "../../src/registry/model/tag.ts";
import { blobPath } from "./blob-path.ts";
import { afterThisTest } from "./cleanup.ts";
import { pushedManifest } from "./pushed-manifest.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

export const ALICE: Author = {
  identity: { name: "alice", email: "alice@everlock" },
  client: "test",
  remote: "127.0.0.1",
};
export const APP = "team/app" as RepositoryName;
const STORE = "everlock-oci-test" as StoreName;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/** The context of a job run without cancellation or progress. */
export function jobRun(options: Partial<JobRun> = {}): JobRun {
  return {
    isDryRun: false,
    isScheduled: true,
    signal: new AbortController().signal,
    progress: () => undefined,
    report: () => undefined,
    ...options,
  };
}

/** A new store, closed after the test, with helpers that fill it. */
export class TestStore {
  readonly oci: OciStore;
  readonly dataDir: string;

  /** The store's directory. */
  get dir(): string {
    return `${this.dataDir}/${STORE}`;
  }

  private constructor(oci: OciStore, dataDir: string) {
    this.oci = oci;
    this.dataDir = dataDir;
  }

  /** Opens a store in which no blob counts as recently requested. */
  static async open(dataDir = temporaryDirectory()): Promise<TestStore> {
    const oci = await OciStore.open(localStores(dataDir, consoleLogger), STORE);
    afterThisTest(() => oci.close());
    oci.recency.clear();
    return new TestStore(oci, dataDir);
  }

  /** Stores a blob like a finished upload. */
  async blob(
    text: string,
    { repository = APP, mediaType = "application/vnd.oci.image.layer.v1.tar" } = {},
  ): Promise<Descriptor> {
    const bytes = Buffer.from(text);
    const digest = digestOf(bytes);
    writeFileSync(blobPath(this.dir, digest), bytes);
    await this.oci.links.add(repository, digest);
    return { mediaType, digest, size: bytes.length };
  }

  has({ digest }: Pick<Descriptor, "digest">): boolean {
    return existsSync(blobPath(this.dir, digest));
  }

  /** Stores an image manifest; config and layer are unique unless given. */
  async image(
    tags: string | readonly string[],
    { repository = APP, layers, subject, imported }: ImageOptions = {},
  ): Promise<Descriptor> {
    const name = crypto.randomUUID();
    const config = await this.blob(`config of ${name}`, { repository });
    const json = {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config,
      layers: layers ?? [await this.blob(`layer of ${name}`, { repository })],
      ...(subject && { subject }),
    };
    return this.manifest(tags, repository, json, imported && { ...ALICE, imported });
  }

  index(tags: string | readonly string[], manifests: readonly Descriptor[]): Promise<Descriptor> {
    return this.manifest(tags, APP, { mediaType: "application/vnd.oci.image.index.v1+json", manifests });
  }

  async manifest(
    tags: string | readonly string[],
    repository: RepositoryName,
    json: Readonly<Record<string, unknown>> & { readonly mediaType: string },
    author: Author = ALICE,
  ): Promise<Descriptor> {
    const content = Buffer.from(JSON.stringify({ schemaVersion: 2, ...json }));
    const pushed = pushedManifest(content);
    const commit = { repository, ...pushed, tags: [tags].flat() as Tag[], immutable: [] };
    await this.oci.changes.putManifest(author, commit);
    return { mediaType: json.mediaType, digest: pushed.digest, size: content.length };
  }

  async delete(reference: string | Descriptor, repository = APP): Promise<boolean> {
    const { kind } = await this.oci.changes.deleteManifest(
      ALICE,
      repository,
      typeof reference === "string"
        ? { kind: "tag", tag: reference as Tag }
        : { kind: "digest", digest: reference.digest },
    );
    return kind === "deleted";
  }

  tags(repository = APP): string[] {
    return this.oci.index.tags(repository, "", 1000);
  }
}

interface ImageOptions {
  readonly repository?: RepositoryName;
  readonly layers?: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly imported?: Imported;
}
