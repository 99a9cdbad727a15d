import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { FileLock, isHeldByOther } from "../../../sqlite/file-lock.ts";
import type { Lease, LeaseName, LeaseOutcome, Leases } from "../leases.ts";

/**
 * Leases as locked files in a directory of their own. The kernel keeps a lock until its process ends: a lease has no term,
 * is not renewed and is never lost. The files stay, because a holder that deletes its file would let two others lock
 * different files of one name.
 *
 * The lock of the whole data directory is not one of these leases. It is acquired before an engine is opened, and on
 * directories without an engine (a backup). `FileLock` is below both.
 */
export class LocalLeases implements Leases {
  readonly #dir: string;

  /** The directory is made with the first lease. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  async acquire(name: LeaseName, holder: string): Promise<LeaseOutcome> {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    const holderPath = `${this.#dir}/${name}.holder`;
    const lock = this.#lock(name);
    if (!lock) return { kind: "held", by: readHolder(holderPath) };
    writeHolder(holderPath, holder);
    return { kind: "acquired", lease: new LocalLease(name, lock, holderPath) };
  }

  /** `undefined` if another holder has it. */
  #lock(name: LeaseName): FileLock | undefined {
    try {
      return new FileLock(`${this.#dir}/${name}.lock`);
    } catch (error) {
      if (isHeldByOther(error)) return undefined;
      throw error;
    }
  }
}

class LocalLease implements Lease {
  readonly name: LeaseName;
  readonly lost = new AbortController().signal;
  readonly #holderPath: string;
  #lock: FileLock | undefined;

  constructor(name: LeaseName, lock: FileLock, holderPath: string) {
    this.name = name;
    this.#lock = lock;
    this.#holderPath = holderPath;
  }

  isHeld(): boolean {
    return this.#lock !== undefined;
  }

  async release(): Promise<void> {
    const lock = this.#lock;
    if (!lock) return;
    this.#lock = undefined;
    // First, because afterwards the file may be the next holder's.
    removeHolder(this.#holderPath);
    lock.release();
  }
}

function readHolder(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trimEnd() || undefined;
  } catch {
    return undefined;
  }
}

/** It is only for messages, so a failure, as on a full disk, is ignored; then it is unknown. */
function writeHolder(path: string, holder: string): void {
  try {
    writeFileSync(path, `${holder}\n`, { mode: 0o600 });
  } catch {
    removeHolder(path);
  }
}

function removeHolder(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // A message may name a holder of before.
  }
}
