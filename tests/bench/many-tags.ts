import { mkdirSync, writeFileSync } from "node:fs";
import { manifestPath, tagPath } from "../../src/backends/oci-http/content/layout.ts";
import { OciStore } from "../../src/backends/oci-http/store/oci-store.ts";
import { digestHex, digestOf } from "../../src/primitives/digest.ts";
import { consoleLogger } from "../../src/primitives/logging/logger.ts";
import { SYSTEM_IDENTITY } from "../../src/primitives/store/commits/commit-group.ts";
import type { Change } from "../../src/primitives/store/commits/tree-edit.ts";
import { localStores } from "../../src/primitives/store/open-engine.ts";
import type { StoreManager, StoreName } from "../../src/primitives/store/store-manager.ts";
import { parseAccessPattern } from "../../src/primitives/users/access-path.ts";
import { ANONYMOUS, type UserName } from "../../src/primitives/users/user.ts";
import { USERS_STORE, UserRegistry } from "../../src/primitives/users/user-registry.ts";
import type { RepositoryName } from "../../src/registry/model/repository-name.ts";
import type { Tag } from "../../src/registry/model/tag.ts";

/** An index without children: a manifest that needs nothing else. */
const MANIFEST = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [],
  }),
);
const DIGEST = digestOf(MANIFEST);
const BATCH = 10_000;

export const tagsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `v${String(i).padStart(6, "0")}`);

/** Lets everybody pull, so that both ways of asking can be measured. */
async function admitEverybody(manager: StoreManager): Promise<void> {
  const store = await manager.open(USERS_STORE);
  const users = await UserRegistry.load(store, consoleLogger.warn);
  const everywhere = parseAccessPattern("http/oci/default");
  await users.bootstrap(SYSTEM_IDENTITY, "admin" as UserName, "change-me");
  if (everywhere) await users.grant(SYSTEM_IDENTITY, ANONYMOUS, everywhere, "reader");
  await store.close();
}

/** Puts repositories of many tags into Everlock's data directory, as pushes would have done. */
export async function fillEverlock(dataDir: string, repositories: Readonly<Record<string, number>>) {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  await fillStores(localStores(dataDir, consoleLogger), repositories);
}

/** `filled` is called before the store with the tags is closed. */
export async function fillStores(
  manager: StoreManager,
  repositories: Readonly<Record<string, number>>,
  filled: () => Promise<void> = async () => undefined,
) {
  await admitEverybody(manager);
  const oci = await OciStore.open(manager, "everlock-oci-local" as StoreName);
  let changes: Change[] = [];
  const commit = async () => {
    await oci.store.commit(changes, { author: SYSTEM_IDENTITY, message: "fill" });
    changes = [];
  };
  for (const [name, count] of Object.entries(repositories)) {
    const repository = name as RepositoryName;
    changes.push({ path: manifestPath(repository, DIGEST), content: MANIFEST });
    for (const tag of tagsOf(count)) {
      changes.push({ path: tagPath(repository, tag as Tag), content: Buffer.from(`${DIGEST}\n`) });
      // In few commits: ext4 creates files slowly for a minute after many were removed.
      if (changes.length >= BATCH) await commit();
    }
  }
  await commit();
  // The index has all of it then.
  await oci.store.follow();
  await filled();
  await oci.close();
}

/** The same for zot, which keeps an OCI layout for each repository. */
export function fillZot(dataDir: string, repositories: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(repositories)) {
    const root = `${dataDir}/${name}`;
    mkdirSync(`${root}/blobs/sha256`, { recursive: true });
    writeFileSync(`${root}/blobs/sha256/${digestHex(DIGEST)}`, MANIFEST);
    writeFileSync(`${root}/oci-layout`, JSON.stringify({ imageLayoutVersion: "1.0.0" }));
    const manifests = tagsOf(count).map((tag) => ({
      mediaType: "application/vnd.oci.image.index.v1+json",
      digest: DIGEST,
      size: MANIFEST.length,
      annotations: { "org.opencontainers.image.ref.name": tag },
    }));
    writeFileSync(`${root}/index.json`, JSON.stringify({ schemaVersion: 2, manifests }));
  }
}

/** The same for a registry with distribution's layout of files. */
export function fillDistribution(dataDir: string, repositories: Readonly<Record<string, number>>): void {
  const root = `${dataDir}/docker/registry/v2`;
  const hex = digestHex(DIGEST);
  const write = (path: string, content: string | Uint8Array) => {
    mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    writeFileSync(path, content);
  };
  write(`${root}/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`, MANIFEST);
  for (const [name, count] of Object.entries(repositories)) {
    const manifests = `${root}/repositories/${name}/_manifests`;
    write(`${manifests}/revisions/sha256/${hex}/link`, DIGEST);
    for (const tag of tagsOf(count)) write(`${manifests}/tags/${tag}/current/link`, DIGEST);
  }
}
