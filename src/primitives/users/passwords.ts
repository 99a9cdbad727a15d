import { Semaphore } from "../bounds/semaphore.ts";
import { counted } from "../text/counted.ts";

/** OWASP's second recommendation for Argon2id: 19 MiB and two passes, so that many can run at once. */
const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;
/** Maximal password changes that wait for hashing. */
const MAX_WAITING = 256;

export const MAX_PASSWORD_LENGTH = 1024;

const hashing = new Semaphore(1, MAX_WAITING);

/** Resolves with an Argon2id hash in PHC string format. Rejects with `OverloadedError` if too many wait. */
export function hashPassword(password: string): Promise<string> {
  return hashing.run(() => Bun.password.hash(password, ARGON2ID));
}

/** The caller limits how many run at once. */
export function verifyPassword(password: string, hash: string): Promise<boolean> {
  return isBcrypt(hash) ? verifyBcrypt(password, hash) : Bun.password.verify(password, hash);
}

/** A hash of another registry's users: `$2y$10$` with 22 characters of salt and 31 of hash. */
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** The costs that are accepted, of which each step doubles the time: whoever tries a login makes the server spend it. */
const [MIN_BCRYPT_COST, MAX_BCRYPT_COST] = [4, 12];
/** bcrypt ignores what follows. */
const BCRYPT_BYTES = 72;

export function isBcrypt(hash: string): boolean {
  return BCRYPT.test(hash);
}

/** Why a password's hash can't be taken from another registry, in words that follow it; `undefined` if it can. */
export function foreignHashFault(hash: string): string | undefined {
  const cost = hash.match(BCRYPT)?.[1];
  if (cost === undefined) return `is stored as ${kindOfHash(hash)}; only bcrypt is accepted`;
  if (Number(cost) >= MIN_BCRYPT_COST && Number(cost) <= MAX_BCRYPT_COST) return undefined;
  return `is stored as bcrypt of cost ${Number(cost)}; ${MIN_BCRYPT_COST} to ${MAX_BCRYPT_COST} are accepted`;
}

/** As `htpasswd` writes them; never the hash itself, which may be a password. */
function kindOfHash(hash: string): string {
  if (hash.startsWith("$apr1$")) return "MD5 (apr1)";
  if (hash.startsWith("{SHA}")) return "SHA-1";
  if (hash.startsWith("$5$") || hash.startsWith("$6$")) return "SHA-256 or SHA-512 (crypt)";
  return hash.startsWith("$2") ? "bcrypt that is damaged" : "plain text, or by crypt";
}

/** Takes at least as long as a comparison with Argon2id, so that it does not show whose password is stored in this way. */
async function verifyBcrypt(password: string, hash: string): Promise<boolean> {
  const bytes = Buffer.from(password).subarray(0, BCRYPT_BYTES);
  // The runtime would hash a longer password first, and refuses an empty one.
  const [matches] = await Promise.all([
    bytes.length > 0 && Bun.password.verify(bytes, hash),
    verifyNobody(password),
  ]);
  return matches;
}

/** Whether a hash in place of a user's bcrypt hash can be made of a password that matches that: it may be cut off there. */
export function isWholeForBcrypt(password: string): boolean {
  return Buffer.byteLength(password) <= BCRYPT_BYTES;
}

/** A random hash with the cost of `ARGON2ID`; no password is known to match it. */
const DECOY =
  "$argon2id$v=19$m=19456,t=2,p=1$/8pcx0xxpK8QPovFAsZ//eTBDTZnlHv5h5CuHEB6+vw$hwO2In+io92XFEbBQ0HZ8Ffg+ANjeSzShvC9KwNDYZk";

/** Takes as long as a real comparison, so that response times do not reveal whether a user exists. */
export async function verifyNobody(password: string): Promise<false> {
  await Bun.password.verify(password, DECOY);
  return false;
}

/** Smallest length of a new password, in characters, unless a setting says otherwise. */
export const MIN_PASSWORD_LENGTH = 8;

/** Why a new password is not acceptable, as a message for its user; `undefined` if it is. */
export function passwordFault(password: string, minLength: number): string | undefined {
  if (password === "") return "the password is empty";
  if (password.length > MAX_PASSWORD_LENGTH)
    return `the password is longer than ${MAX_PASSWORD_LENGTH} characters`;
  if (/[\u0000-\u001f\u007f]/.test(password)) return "the password contains a control character";
  const { length } = [...password];
  if (length < minLength)
    return `the password has ${counted(length, "character")}, and must have ${minLength} or more`;
  return undefined;
}
