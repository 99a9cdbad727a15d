import type { S3Bucket } from "./s3-bucket.ts";
import { S3RefusedError } from "./s3-errors.ts";

/** Conditional writes that are sent at once. */
const WRITERS = 16;
/** Writers of one object may wait for each other for seconds. */
const TIMEOUT_MS = 20_000;
const EMPTY = new Uint8Array();
const PROBES = "probes/";
/** A probe that is older was left by a node that was killed, in milliseconds. */
const LEFT_MS = 60 * 60 * 1000;

/**
 * Checks that the object store decides conditional writes: of many that create one object at the same time exactly one must
 * succeed, and a write that expects an older version must be refused. Commits depend on it. Throws `S3RefusedError` that
 * names what is missing.
 */
export async function probeConditions(bucket: S3Bucket): Promise<void> {
  const key = `${PROBES}${crypto.randomUUID()}`;
  const fail = (what: string): never => {
    throw new S3RefusedError(
      "NoConditionalWrites",
      `the object store ${bucket.client.location.endpoint} ${what}; Everlock needs conditional writes (If-None-Match: * and If-Match), such as those of AWS S3, Cloudflare R2, MinIO, SeaweedFS, versitygw 1.8`,
    );
  };
  try {
    const bodies = Array.from({ length: WRITERS }, (_, i) => new Uint8Array(Buffer.from(String(i))));
    const outcomes = await Promise.all(
      bodies.map((body) =>
        bucket.put(key, body, { condition: { absent: true }, timeoutMs: TIMEOUT_MS }).catch(unsupported),
      ),
    );
    if (outcomes.includes("unsupported")) fail("does not support conditional writes");
    const stored = outcomes.filter((outcome) => outcome !== "unsupported" && outcome.kind === "stored");
    if (stored.length !== 1) fail(`lets ${stored.length} of ${WRITERS} writers create the same object`);
    const winner = outcomes.findIndex((outcome) => outcome !== "unsupported" && outcome.kind === "stored");
    const read = await bucket.read(key);
    if (Buffer.from(read?.bytes ?? []).toString() !== String(winner))
      fail("does not return what the winning writer stored");
    // ETags may depend on the bytes alone, so these must differ from those of all writers before.
    const condition = { etag: read?.etag ?? "" };
    const [next, other] = [WRITERS, WRITERS + 1].map((i) => new Uint8Array(Buffer.from(String(i))));
    const first = await bucket.put(key, next ?? EMPTY, { condition });
    const second = await bucket.put(key, other ?? EMPTY, { condition });
    if (first.kind !== "stored" || second.kind !== "refused")
      fail("does not compare the version in If-Match");
  } finally {
    await removeOld(bucket, key).catch(() => undefined);
  }
}

/** Removes what this probe has written, and what those have left that were killed. */
async function removeOld(bucket: S3Bucket, own: string): Promise<void> {
  const before = bucket.client.storeTime.getTime() - LEFT_MS;
  const left: string[] = [];
  for await (const page of bucket.list(PROBES))
    left.push(...page.filter(({ modified }) => modified.getTime() < before).map(({ key }) => key));
  await bucket.removeAll([own, ...left]);
}

function unsupported(error: unknown): "unsupported" {
  if (error instanceof S3RefusedError && /^(NotImplemented|501|InvalidArgument)$/.test(error.code))
    return "unsupported";
  throw error;
}
