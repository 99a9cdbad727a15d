import { existsSync, renameSync, statfsSync, unlinkSync } from "node:fs";
import { open } from "node:fs/promises";
import { ExpectedError } from "../../../expected-error.ts";
import { removeFile, removeQuietly, syncFile } from "../../../fs/durable.ts";
import { writeFully } from "../../../fs/files.ts";

const MIB = 1024 * 1024;
/** Kept for what frees room; of a small file system, no more than a share. */
const RESERVE_BYTES = 8 * MIB;
const RESERVE_SHARE = 1 / 10;
/** What has to be left of the rest before something new is stored, in shares of the reserve. */
const MARGIN_SHARE = 1 / 8;
const RESERVE = "everlock-reserve";
/** How long what the file system said counts as true. */
const FRESH_MS = 20;
const REFILL_EVERY_MS = 5000;

/** Something new is not stored: what is left of the disk is kept for what frees room. */
export class NoRoomError extends ExpectedError {
  override readonly name = "NoRoomError";
  override readonly kind = "unusable";
  readonly code = "ENOSPC";

  constructor(dir: string) {
    super(`there is no room for anything new on the disk of ${dir}`);
  }
}

interface Room {
  /** Bytes that may be written before the file system is full, but for the reserve. */
  readonly free: number;
  readonly hasReserve: boolean;
  /** How large the reserve is, or should be. */
  readonly reserve: number;
  readonly at: number;
}

/**
 * The room on the disk of a data directory. A file of some MiB holds room in reserve; it is given up when the disk is
 * full, so that deleting, collecting and the start work nevertheless, and made again once there is room for it. Until
 * then, nothing new is stored that would take its place.
 */
export class DiskRoom {
  readonly #dir: string;
  readonly #path: string;
  readonly #report: (message: string) => void;
  #room: Room | undefined;
  #refilling: Promise<void> | undefined;

  /** `report` is told in plain words that the reserve was given up or made again. */
  constructor(dataDir: string, report: (message: string) => void = () => undefined) {
    this.#dir = dataDir;
    this.#path = `${dataDir}/${RESERVE}`;
    this.#report = report;
  }

  /** Throws `NoRoomError` if what comes, so many bytes if that is known, would use up what is left. */
  admitContent(bytes = 0): void {
    if (!this.hasRoom(bytes)) throw new NoRoomError(this.#dir);
  }

  /** Whether there is room for so many bytes and for what frees room. */
  hasRoom(bytes = 0): boolean {
    const { free, hasReserve, reserve } = this.#look();
    return free - bytes >= reserve * (MARGIN_SHARE + (hasReserve ? 0 : 1));
  }

  /** Before something that must work on a full disk as well: gives up the reserve if nothing else is left. */
  relieve(): void {
    const { free, hasReserve, reserve } = this.#look();
    if (!hasReserve || free >= reserve * MARGIN_SHARE) return;
    this.#room = undefined;
    try {
      unlinkSync(this.#path);
    } catch {
      // Another thread has given it up, or nothing can be removed at all, which is told by what fails next.
      return;
    }
    this.#report(
      `the disk of ${this.#dir} is full: the room in reserve (${Math.round(reserve / 1024)} KiB) is given up for deleting and collecting; pushes are refused until there is room`,
    );
  }

  /** Makes the reserve as soon as there is room for it, until the returned function is called. */
  keepReserve(): () => Promise<void> {
    const refill = () => {
      this.#refilling ??= this.#refill().finally(() => {
        this.#refilling = undefined;
      });
    };
    refill();
    const timer = setInterval(refill, REFILL_EVERY_MS).unref();
    return async () => {
      clearInterval(timer);
      await this.#refilling;
    };
  }

  async #refill(): Promise<void> {
    const { free, hasReserve, reserve } = this.#look();
    // With twice the margin left, so that it is not given up at once.
    if (hasReserve || free < reserve * (1 + 2 * MARGIN_SHARE)) return;
    const temporary = `${this.#path}.new`;
    try {
      await fill(temporary, reserve, this.#path);
      this.#room = undefined;
    } catch {
      // Another writer took the room first; it is tried again.
      removeQuietly(temporary);
    }
  }

  #look(): Room {
    const now = performance.now();
    if (!this.#room || now - this.#room.at > FRESH_MS) this.#room = look(this.#dir, this.#path, now);
    return this.#room;
  }
}

function look(dir: string, path: string, at: number): Room {
  try {
    const { bsize, blocks, bavail } = statfsSync(dir);
    const reserve = Math.min(RESERVE_BYTES, Math.floor(blocks * bsize * RESERVE_SHARE));
    // Some file systems do not say how large they are.
    if (reserve > 0) return { free: bavail * bsize, hasReserve: existsSync(path), reserve, at };
  } catch {
    // Nor does everything that can be mounted answer at all.
  }
  return { free: Number.POSITIVE_INFINITY, hasReserve: true, reserve: RESERVE_BYTES, at };
}

/** With bytes that no file system compresses. */
async function fill(temporary: string, size: number, path: string): Promise<void> {
  removeFile(temporary);
  const handle = await open(temporary, "wx", 0o600);
  try {
    const piece = Buffer.allocUnsafe(Math.min(MIB, size));
    for (let i = 0; i < piece.length; i += 65_536) crypto.getRandomValues(piece.subarray(i, i + 65_536));
    for (let at = 0; at < size; at += piece.length) {
      await writeFully(handle, piece.subarray(0, Math.min(piece.length, size - at)), at);
    }
    await syncFile(handle.fd);
  } finally {
    await handle.close();
  }
  renameSync(temporary, path);
}
