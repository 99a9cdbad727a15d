import { type Digest, digestAlgorithm, finishDigest } from "../../primitives/digest.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import type { RegistryClient } from "./registry-client.ts";
import { UpstreamBodyError, type UpstreamFailure, UpstreamFault } from "./upstream-answer.ts";

export interface DownloadRequest {
  /** Of the whole blob in bytes, as its manifest states it. */
  readonly size?: number | undefined;
  /** What is there already: so many bytes, which `hasher` has taken in. */
  readonly begun?: { readonly bytes: number; readonly hasher: Bun.CryptoHasher } | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** After a broken connection, the rest is asked for so many times in a row without a byte. */
const MAX_FRUITLESS = 3;
/** Before the rest is asked for; doubled after each time without a byte. In milliseconds. */
const PAUSE_MS = 100;

/** Upstream does not have the blob. */
export class UnknownBlobError extends Error {}

/**
 * A blob's bytes, of which a broken rest is asked for by range. Ends only if the digest is right; otherwise throws
 * `UpstreamFault`, `UnknownBlobError`, or the signal's reason, and nothing that it gave may be used.
 */
export async function* download(
  client: RegistryClient,
  repository: RepositoryName,
  digest: Digest,
  { size, begun, signal }: DownloadRequest = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const algorithm = digestAlgorithm(digest);
  const hasher = begun?.hasher ?? new Bun.CryptoHasher(algorithm);
  let at = begun?.bytes ?? 0;
  let whole = size;
  for (let fruitless = 0; whole === undefined || at < whole || at === 0; ) {
    if (fruitless > 0) await pause(fruitless, signal);
    const opened = await client.openBlob(repository, digest, { from: at, size: whole, signal });
    if (opened.kind === "unavailable" && at > 0 && ++fruitless <= MAX_FRUITLESS) continue;
    if (opened.kind !== "found") throw failed(opened);
    whole = opened.size;
    const before = at;
    try {
      for await (const chunk of opened.body) {
        hasher.update(chunk);
        at += chunk.length;
        yield chunk;
      }
      break;
    } catch (error) {
      if (!(error instanceof UpstreamBodyError) || error.failure.kind !== "unavailable") throw error;
      fruitless = at > before ? 1 : fruitless + 1;
      if (fruitless > MAX_FRUITLESS) throw error;
    }
  }
  const actual = finishDigest(algorithm, hasher);
  if (actual === digest) return;
  const reason = `upstream ${client.url}: its blob ${digest} has the wrong digest, ${actual}`;
  throw new UpstreamFault({ kind: "invalid", reason });
}

async function pause(attempt: number, signal: AbortSignal | undefined): Promise<void> {
  await Bun.sleep(PAUSE_MS * 2 ** (attempt - 1));
  signal?.throwIfAborted();
}

function failed(failure: UpstreamFailure): Error {
  return failure.kind === "unknown"
    ? new UnknownBlobError("upstream does not have the blob")
    : new UpstreamFault(failure);
}
