/** An SSH public key as OpenSSH writes it, without its comment: `ssh-ed25519 AAAA…`. */
export type SshPublicKey = string & { readonly __brand: "SshPublicKey" };

/** Accepted key types; RSA keys must sign with SHA-2. */
const SSH_KEY_TYPES: readonly string[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
];

const MIN_RSA_BYTES = 2048 / 8;
/** The largest modulus that ssh-keygen creates, plus a sign byte. */
const MAX_RSA_BYTES = 16_384 / 8 + 1;
/** Larger exponents make verifying a signature as expensive as signing. */
const MAX_RSA_EXPONENT_BYTES = 5;
/** In characters; an RSA key of 16,384 bits has less than 3,000. */
const MAX_LINE = 16_384;

export interface ParsedKey {
  readonly key: SshPublicKey;
  readonly comment: string;
}

/** Parses a line of an `authorized_keys` or `.pub` file; `fault` is an error message for the user. */
export function parseSshKey(line: string): ParsedKey | { readonly fault: string } {
  if (line.length > MAX_LINE) return { fault: `the key is longer than ${MAX_LINE} characters` };
  const [type = "", encoded = "", ...comment] = line.trim().split(/\s+/);
  if (!SSH_KEY_TYPES.includes(type)) {
    return {
      fault: `'${type}' is not a supported key type; use one of ${SSH_KEY_TYPES.join(", ")}`,
    };
  }
  const blob = Buffer.from(encoded, "base64");
  const [inner, ...fields] = fieldsOf(blob);
  if (encoded === "" || withoutPadding(blob.toString("base64")) !== withoutPadding(encoded)) {
    return { fault: "the key is incomplete: its second part is not base64" };
  }
  if (inner?.toString("latin1") !== type) return { fault: `the key is incomplete or not a ${type} key` };
  const modulus = type === "ssh-rsa" ? fields[1] : undefined;
  if (type === "ssh-rsa" && (modulus?.length ?? 0) < MIN_RSA_BYTES) {
    return { fault: "RSA keys of fewer than 2048 bits can be broken; make one with ssh-keygen -t ed25519" };
  }
  return {
    key: `${type} ${blob.toString("base64")}` as SshPublicKey,
    comment: comment.join(" ").slice(0, 100),
  };
}

/** Why a new key is refused, as a message; keys added before stay valid. `undefined` if it is accepted. */
export function newKeyFault(key: SshPublicKey): string | undefined {
  if (!key.startsWith("ssh-rsa ")) return undefined;
  const [, exponent, modulus] = fieldsOf(blobOf(key));
  const isTooLarge =
    (modulus?.length ?? 0) > MAX_RSA_BYTES || (exponent?.length ?? 0) > MAX_RSA_EXPONENT_BYTES;
  return isTooLarge
    ? "RSA keys have at most 16384 bits and an exponent of 32; make one with ssh-keygen -t ed25519"
    : undefined;
}

/** `SHA256:…`, as `ssh-keygen -l` prints it. */
export function fingerprintOf(key: SshPublicKey): string {
  return fingerprintOfBlob(blobOf(key));
}

/** The same for a key in its wire format (RFC 4253, section 6.6). */
export function fingerprintOfBlob(blob: Uint8Array): string {
  const hash = new Bun.CryptoHasher("sha256").update(blob).digest("base64");
  return `SHA256:${withoutPadding(hash)}`;
}

function withoutPadding(base64: string): string {
  let end = base64.length;
  while (base64[end - 1] === "=") end--;
  return base64.slice(0, end);
}

/** The key's wire format (RFC 4253, section 6.6). */
function blobOf(key: SshPublicKey): Buffer {
  return Buffer.from(key.slice(key.indexOf(" ") + 1), "base64");
}

/** The length-prefixed strings up to the first incomplete one. */
function fieldsOf(blob: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at + 4 <= blob.length; ) {
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) break;
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  return fields;
}
