import type { ExpectedError } from "../expected-error.ts";
import { replaceFile, syncDirectory } from "../fs/durable.ts";
import type { S3Bucket } from "../s3/s3-bucket.ts";
import { copyRepository, removeMergedPacks } from "./engine/local/copy/repository-copy.ts";
import { LocalRefs } from "./engine/local/local-refs.ts";
import { ensureRepository, MAIN_REF } from "./engine/local/repository.ts";
import { exportLog } from "./engine/s3/log/log-export.ts";
import type { ObjectId } from "./git/object-id.ts";

/** Where the commits of a store are: its directory, or a bucket. */
export type CommitSource =
  | { readonly directory: string }
  | { readonly bucket: S3Bucket; readonly store: string };

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
  await ensureRepository(target);
  const packDirectory = `${target}/objects/pack`;
  const { head, packs, bytes } = await exportLog(source.bucket, source.store, packDirectory, damaged);
  if (head !== undefined) await replaceFile(`${target}/${MAIN_REF}`, Buffer.from(`${head}\n`));
  removeMergedPacks(packs, target);
  await syncDirectory(packDirectory);
  return { head, bytes };
}
