/** What one of those who share the room holds of it, until `end`. */
export interface Hold {
  /** False if there is no room for so many bytes more. */
  take(bytes: number): boolean;
  /** Resolves when the room was given to another; until `keep`. */
  readonly lost: Promise<"lost">;
  /** From now on it is not given to others. */
  keep(): void;
  end(): void;
}

interface Held {
  readonly owner: string;
  bytes: number;
  readonly lose: () => void;
}

/**
 * Room in memory that clients of any speed share. Where it is full, who holds the most of it gives way to who would hold
 * less: so nobody keeps others out by holding it, however slowly.
 */
export class SharedRoom {
  readonly #capacity: number;
  #taken = 0;
  readonly #ofOwner = new Map<string, number>();
  /** What can be given to others; the oldest first. */
  readonly #loose = new Set<Held>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get taken(): number {
    return this.#taken;
  }

  enter(owner: string): Hold {
    const { promise, resolve } = Promise.withResolvers<"lost">();
    const held: Held = { owner, bytes: 0, lose: () => resolve("lost") };
    this.#loose.add(held);
    return {
      lost: promise,
      take: (bytes) => this.#take(held, bytes),
      keep: () => void this.#loose.delete(held),
      end: () => {
        this.#loose.delete(held);
        this.#change(held, -held.bytes);
      },
    };
  }

  /** What is larger than the whole has room when nothing else is there. */
  #take(held: Held, bytes: number): boolean {
    while (this.#taken > 0 && this.#taken + bytes > this.#capacity)
      if (!this.#makeRoom((this.#ofOwner.get(held.owner) ?? 0) + bytes)) return false;
    this.#change(held, bytes);
    return true;
  }

  /** Gives up the oldest of who holds the most, and more than `less`. */
  #makeRoom(less: number): boolean {
    let most: Held | undefined;
    for (const held of this.#loose)
      if (held.bytes > 0 && this.#of(held) > Math.max(less, most ? this.#of(most) : 0)) most = held;
    if (!most) return false;
    this.#loose.delete(most);
    this.#change(most, -most.bytes);
    most.lose();
    return true;
  }

  #of({ owner }: Held): number {
    return this.#ofOwner.get(owner) ?? 0;
  }

  #change(held: Held, bytes: number): void {
    held.bytes += bytes;
    this.#taken += bytes;
    const left = (this.#ofOwner.get(held.owner) ?? 0) + bytes;
    if (left > 0) this.#ofOwner.set(held.owner, left);
    else this.#ofOwner.delete(held.owner);
  }
}
