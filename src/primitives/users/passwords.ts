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
  return Bun.password.verify(password, hash);
}

/** A random hash with the cost of `ARGON2ID`; no password is known to match it. */
const DECOY =
  "$argon2id$v=19$m=19456,t=2,p=1$/8pcx0xxpK8QPovFAsZ//eTBDTZnlHv5h5CuHEB6+vw$hwO2In+io92XFEbBQ0HZ8Ffg+ANjeSzShvC9KwNDYZk";

/** Takes as long as a real comparison, so that response times do not reveal whether a user exists. */
export async function verifyNobody(password: string): Promise<false> {
  await verifyPassword(password, DECOY);
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
