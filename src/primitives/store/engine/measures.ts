/** How far this node has read the log of a store that it shares with other nodes, and how much of it is not merged. */
export interface LogMeasures {
  readonly store: string;
  /** For how long this node has not seen the end of the log. */
  readonly secondsBehind: number;
  readonly unmergedEntries: number;
  readonly unmergedBytes: number;
  /** For how long this node has known the oldest of these entries. */
  readonly unmergedSeconds: number;
  /** When what nodes start from was made, in milliseconds since the epoch; `undefined` if it is not known. */
  readonly checkpointMade: number | undefined;
  /** The same of each copy of a derived database. */
  readonly copiesMade: Readonly<Record<string, number>>;
}
