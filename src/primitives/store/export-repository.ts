import type { ExpectedError } from "../expected-error.ts";
import { syncDirectory } from "../fs/durable.ts";
import { LocalStoreTarget } from "./engine/local/copy/local-store-target.ts";
import { copyRepository, removeMergedPacks } from "./engine/local/copy/repository-copy.ts";
import { LocalRefs } from "./engine/local/local-refs.ts";
import { MAIN_REF } from "./engine/local/repository.ts";
import { exportLog } from "./engine/s3/log/log-export.ts";
import type { S3Engine } from "./engine/s3/s3-engine.ts";
import type { ObjectId } from "./git/object-id.ts";

/** Where the commits of a store are: its directory, or a bucket. */
export type CommitSource =
  | { readonly directory: string }
  | { readonly engine: S3Engine; readonly store: string };

export interface ExportedRepository {
  /** The newest commit, if there is one. */
  readonly head: ObjectId | undefined;
  /** Bytes that were written. */
  readonly bytes: number;
}

/**
 * Makes `target` a bare Git repository with all commits of a store, or brings it up to date: the objects first, then the
 * branch. Resolves once all of it would survive a power cut. Rejects with `CorruptObjectError` or `DamagedFileError` if
 * something is damaged in the source; `damaged`: see `exportLog`.
 */
export async function exportRepository(
  source: CommitSource,
  target: string,
  damaged?: (error: ExpectedError) => void,
): Promise<ExportedRepository> {
  if ("directory" in source) {
    const bytes = await copyRepository(source.directory, target);
    return { head: await new LocalRefs(target).read(MAIN_REF), bytes };
  }
  const { engine, store } = source;
  const copy = await LocalStoreTarget.open(target, false);
  const packDirectory = `${target}/objects/pack`;
  const { head, packs, bytes } = await exportLog(engine.bucket, store, packDirectory, damaged);
  const otherRefs = await engine.otherRefs(store);
  await copy.putHistory({ head, otherRefs, objects: nothing(), links: nothing() });
  removeMergedPacks(packs, target);
  await syncDirectory(packDirectory);
  return { head, bytes };
}

async function* nothing(): AsyncGenerator<never> {}
