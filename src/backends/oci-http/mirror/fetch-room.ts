import { statfsSync } from "node:fs";
import { orAborted } from "../../../primitives/jobs/or-aborted.ts";

/** The room for one fetch. */
export interface ReservedRoom {
  /** So many bytes of it are on the disk. */
  arrived(bytes: number): void;
  release(): void;
}

export interface RoomRequest {
  readonly directory: string;
  readonly bytes: number;
  /** Whether fetches that end give their room back, so that it is worth waiting for them. */
  readonly isSpooled: boolean;
  readonly signal: AbortSignal;
}

interface Reservation {
  left: number;
}

/** Fetches at once must not fill the disk together: each would fail in the middle, and again at the next try. */
export class FetchRoom {
  readonly #freeBytes: (directory: string) => number;
  readonly #reserved = new Set<Reservation>();
  #released = Promise.withResolvers<void>();

  constructor(freeBytes = freeBytesOf) {
    this.#freeBytes = freeBytes;
  }

  /** Throws an error with the code `ENOSPC` where there is no room, before a client has got the first byte. */
  async reserve({ directory, bytes, isSpooled, signal }: RoomRequest): Promise<ReservedRoom> {
    while (this.#freeBytes(directory) - this.#outstanding() < bytes) {
      if (!isSpooled || this.#reserved.size === 0)
        throw Object.assign(new Error(`there is no room for a blob of ${bytes} bytes`), { code: "ENOSPC" });
      await orAborted(this.#released.promise, signal);
      signal.throwIfAborted();
    }
    const reservation = { left: bytes };
    this.#reserved.add(reservation);
    return {
      arrived(arrived) {
        reservation.left = bytes - arrived;
      },
      release: () => {
        this.#reserved.delete(reservation);
        this.#released.resolve();
        this.#released = Promise.withResolvers();
      },
    };
  }

  #outstanding(): number {
    let bytes = 0;
    for (const { left } of this.#reserved) bytes += left;
    return bytes;
  }
}

/** That of all fetches of this process: the stores are usually on one disk. */
export const fetchRoom = new FetchRoom();

function freeBytesOf(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
