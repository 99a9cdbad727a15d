/** What a node says of itself. */
export interface NodeState {
  /** The name of its machine. */
  readonly host: string;
  /** The release that it runs. */
  readonly version: string;
  /** When it started, in seconds since the epoch. */
  readonly started: number;
  /** Cores that it uses, such as 0.5. */
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly requestsPerSecond: number;
  readonly requestsUnderWay: number;
}

/** A node as another one, or itself, sees it. */
export interface SeenNode {
  /** Names the process among the nodes. */
  readonly name: string;
  readonly isSelf: boolean;
  /** Seconds since it last reported; it does so every few seconds while it lives. */
  readonly seenSecondsAgo: number;
  /** Whether that is too long ago. */
  readonly isGone: boolean;
  /**
   * For how many seconds, when it last reported, it had not seen what other nodes commit, of all stores that it serves that of
   * which it is the longest; `undefined` where no other node can commit.
   */
  readonly behindSeconds: number | undefined;
  readonly state: NodeState;
}

/** The processes that use the storage. */
export interface Nodes {
  /** Reports this node to the others until the returned function is called, which resolves when they were told. */
  announce(state: () => NodeState): () => Promise<void>;
  /** The nodes that live, and those that have died a short time ago. This one is among them once it was announced. */
  list(): Promise<readonly SeenNode[]>;
}
