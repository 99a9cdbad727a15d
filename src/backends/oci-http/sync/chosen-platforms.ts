import { type Digest, parseDigest } from "../../../primitives/digest.ts";
import { isRecord } from "../../../primitives/text/records.ts";

/** BuildKit's annotation of an attestation: the digest of the image in the same index that it is of. */
const ATTESTED = "vnd.docker.reference.digest";

/**
 * The entries of an index that are of these platforms, and those that attest one of them. `linux/arm64` means all of its
 * variants. `all` has the digests that are manifests.
 */
export function chosenEntries(
  content: Uint8Array,
  all: readonly Digest[],
  platforms: readonly string[],
): readonly Digest[] {
  if (platforms.length === 0) return all;
  const entries = entriesIn(content);
  const isWanted = ({ platform }: Entry) =>
    platforms.some((wanted) => platform === wanted || platform.startsWith(`${wanted}/`));
  const chosen = new Set(entries.filter(isWanted).map(({ digest }) => digest));
  for (const { digest, attested } of entries) if (attested && chosen.has(attested)) chosen.add(digest);
  return all.filter((digest) => chosen.has(digest));
}

interface Entry {
  readonly digest: Digest;
  /** Empty for what is of none. */
  readonly platform: string;
  readonly attested: Digest | undefined;
}

function entriesIn(content: Uint8Array): Entry[] {
  const json: unknown = JSON.parse(new TextDecoder().decode(content));
  const listed = isRecord(json) ? json["manifests"] : undefined;
  if (!Array.isArray(listed)) return [];
  return listed.flatMap((entry: unknown): Entry[] => {
    const digest = isRecord(entry) ? parseDigest(String(entry["digest"])) : undefined;
    if (!isRecord(entry) || !digest) return [];
    const { platform, annotations } = entry;
    const attested = isRecord(annotations) ? parseDigest(String(annotations[ATTESTED])) : undefined;
    return [{ digest, platform: platformOf(platform), attested }];
  });
}

function platformOf(platform: unknown): string {
  if (!isRecord(platform)) return "";
  const { os, architecture, variant } = platform;
  if (typeof os !== "string" || typeof architecture !== "string") return "";
  return [os, architecture, ...(typeof variant === "string" && variant !== "" ? [variant] : [])].join("/");
}
