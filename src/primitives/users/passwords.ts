import { availableParallelism } from "node:os";
import { Semaphore } from "../semaphore.ts";

/** OWASP's second recommendation for Argon2id: 19 MiB, two passes; the many that can run at once stay affordable. */
const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;
/** Each runs on a thread of its own with all of its memory; a flood of logins leaves half of the cores to others. */
const MAX_CONCURRENT = Math.max(1, Math.floor(availableParallelism() / 2));
/** More than this many waiting are turned away, so that a flood of logins can't grow without bound. */
const MAX_WAITING = 256;

export const MAX_PASSWORD_LENGTH = 1024;

const slots = new Semaphore(MAX_CONCURRENT, MAX_WAITING);

/** An Argon2id hash in PHC string format. */
export function hashPassword(password: string): Promise<string> {
  return slots.run(() => Bun.password.hash(password, ARGON2ID));
}

export function verifyPassword(password: string, hash: string): Promise<boolean> {
  return slots.run(() => Bun.password.verify(password, hash));
}

let decoy: Promise<string> | undefined;

/** Takes as long as verifying a real password, so that a missing user can't be told from a wrong password. */
export async function verifyNobody(password: string): Promise<false> {
  decoy ??= hashPassword(crypto.randomUUID());
  await verifyPassword(password, await decoy);
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
