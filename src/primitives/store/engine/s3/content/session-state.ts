import { DIGEST_ALGORITHMS, type Digest, type DigestAlgorithm, parseDigest } from "../../../../digest.ts";
import { scopeHash } from "../../upload-id.ts";
import { parseSegments, type Segment } from "./blob-object.ts";

/**
 * `open`: takes bytes. `ending`: its bytes become a blob. `cancelled`: its bytes are about to be deleted. Only an open session
 * can become one of the others, and each change is a conditional write, so that one of them wins.
 */
export type SessionPhase =
  | { readonly kind: "open" }
  | { readonly kind: "ending"; readonly digest: Digest }
  | { readonly kind: "cancelled" };

/** What an upload session holds, as all nodes see it. */
export interface SessionState {
  readonly phase: SessionPhase;
  /** See `scopeHash`. */
  readonly scope: string;
  readonly algorithm: DigestAlgorithm;
  /** The first bytes. */
  readonly segments: readonly Segment[];
  /** The bytes after those of the segments: few, so that they are kept with the state. */
  readonly tail: Uint8Array<ArrayBuffer>;
  /** Of all bytes, if a node that received them all has hashed them. */
  readonly digest: Digest | undefined;
  /** The blob whose object may name segments of the session, after an attempt to end it of which the outcome is unknown. */
  readonly named: Digest | undefined;
}

/** Bytes that the state itself holds at the most. */
export const MAX_TAIL_BYTES = 256 * 1024;

/** `scope`: its name. */
export function newSession(scope: string, algorithm: DigestAlgorithm): SessionState {
  return {
    phase: { kind: "open" },
    scope: scopeHash(scope),
    algorithm,
    segments: [],
    tail: new Uint8Array(),
    digest: undefined,
    named: undefined,
  };
}

export function sizeOf({ segments, tail }: Pick<SessionState, "segments" | "tail">): number {
  return segments.reduce((sum, { size }) => sum + size, tail.length);
}

/** A line of JSON, and the tail behind it. The bytes of each write differ, because an ETag may be made of them alone. */
export function writeSession({ tail, ...header }: SessionState, writer: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat([Buffer.from(`${JSON.stringify({ ...header, writer })}\n`), tail]));
}

/** Throws for what is no session. */
export function parseSession(bytes: Uint8Array<ArrayBuffer>): SessionState {
  const end = bytes.indexOf(0x0a);
  const header: unknown = JSON.parse(Buffer.from(bytes.subarray(0, Math.max(end, 0))).toString());
  const { phase, scope, algorithm, segments, digest, named } = (header ?? {}) as Record<string, unknown>;
  const known = DIGEST_ALGORITHMS.find((name) => name === algorithm);
  if (typeof scope !== "string" || !known) throw new Error("the state of the upload is none");
  return {
    phase: parsePhase(phase),
    scope,
    algorithm: known,
    segments: parseSegments(segments),
    tail: bytes.slice(end + 1),
    digest: optionalDigest(digest),
    named: optionalDigest(named),
  };
}

function optionalDigest(value: unknown): Digest | undefined {
  return typeof value === "string" ? parseDigest(value) : undefined;
}

function parsePhase(value: unknown): SessionPhase {
  const { kind, digest } = (value ?? {}) as { kind?: unknown; digest?: unknown };
  if (kind === "open" || kind === "cancelled") return { kind };
  const parsed = optionalDigest(digest);
  if (kind === "ending" && parsed) return { kind, digest: parsed };
  throw new Error("the state of the upload is none");
}
