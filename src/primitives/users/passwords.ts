import { Semaphore } from "../bounds/semaphore.ts";

/** OWASP's second recommendation for Argon2id: 19 MiB, two passes; the many that can run at once stay affordable. */
const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;
/** Changes of passwords that may wait for their hash. */
const MAX_WAITING = 256;

export const MAX_PASSWORD_LENGTH = 1024;

const hashing = new Semaphore(1, MAX_WAITING);

/** An Argon2id hash in PHC string format. Throws `OverloadedError` when too many wait already. */
export function hashPassword(password: string): Promise<string> {
  return hashing.run(() => Bun.password.hash(password, ARGON2ID));
}

/** How many run at once is for the caller to bound. */
export function verifyPassword(password: string, hash: string): Promise<boolean> {
  return Bun.password.verify(password, hash);
}

/** Of the same cost as `ARGON2ID`, with random bytes in place of a hash: no password is known to match it. */
const DECOY =
  "$argon2id$v=19$m=19456,t=2,p=1$/8pcx0xxpK8QPovFAsZ//eTBDTZnlHv5h5CuHEB6+vw$hwO2In+io92XFEbBQ0HZ8Ffg+ANjeSzShvC9KwNDYZk";

/** Takes as long as verifying a real password, so that a missing user can't be told from a wrong password. */
export async function verifyNobody(password: string): Promise<false> {
  await verifyPassword(password, DECOY);
  return false;
}

/** Why a password can't be used, in words for its user; `undefined` if it can. */
export function passwordFault(password: string): string | undefined {
  if (password === "") return "the password is empty";
  if (password.length > MAX_PASSWORD_LENGTH)
    return `the password is longer than ${MAX_PASSWORD_LENGTH} characters`;
  if (/[\u0000-\u001f\u007f]/.test(password)) return "the password holds a control character";
  return undefined;
}
