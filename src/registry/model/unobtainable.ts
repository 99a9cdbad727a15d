/**
 * `limited`: upstream wants fewer requests. `away`: upstream can't be reached, or has failed. `unsound`: upstream sent something
 * else than was asked for. `refused`: this registry may not keep it.
 */
export type UnobtainableKind = "limited" | "away" | "unsound" | "refused";

/**
 * Content that is not in the storage could not be got from where it would come from. A `RegistryStorage` throws it; the message
 * is for the client.
 */
export class UnobtainableError extends Error {
  override readonly name = "UnobtainableError";
  readonly kind: UnobtainableKind;
  readonly retryAfterSeconds: number | undefined;

  constructor(kind: UnobtainableKind, reason: string, retryAfterSeconds?: number) {
    super(reason);
    this.kind = kind;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
