/** One difference between the document and the server. */
export interface StateChange {
  readonly kind: "user" | "group" | "registry";
  readonly name: string;
  readonly action: "create" | "change" | "delete";
  /** What is set or changed, without secrets. */
  readonly details: readonly string[];
}

/** What the document does not have, and stays. */
export interface LeftAlone {
  readonly kind: StateChange["kind"];
  readonly names: readonly string[];
}

export interface ApplyOptions {
  /** Deletes what the document does not have, of the kinds that it has at all. */
  readonly isPruning: boolean;
}

/** What is added to and removed from a list, such as `grant http/oci/default writer`. */
export function listDetails(what: string, before: readonly string[], after: readonly string[]): string[] {
  return [
    ...after.filter((item) => !before.includes(item)).map((item) => `+${what} ${item}`),
    ...before.filter((item) => !after.includes(item)).map((item) => `-${what} ${item}`),
  ];
}
