/** A note that some node has added. */
export interface SharedNote {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Notes about a store that its nodes share, and that no history has. What counts is what all of them say together. A note never
 * changes under its name.
 */
export interface SharedNotes {
  add(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** The names of all notes. */
  names(): Promise<readonly string[]>;
  /** `undefined` if it was removed: then another one says what it said. */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Removes notes, once others say what these said. */
  remove(names: readonly string[]): Promise<void>;
}
