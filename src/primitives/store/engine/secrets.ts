/** What the whole server, on all of its nodes, must keep to itself. No store and no history has it. */
export type SecretName = "token_key" | "ssh_host_ed25519_key";

export interface KeptSecret {
  readonly bytes: Uint8Array;
  /** Path or URL, for messages to the operator. */
  readonly place: string;
}

export interface Secrets {
  /**
   * Resolves to the secret as it is kept; the first time it is what `generate` returns, of several nodes that of one. Rejects
   * if it can be neither read nor kept.
   */
  secret(name: SecretName, generate: () => Promise<Uint8Array<ArrayBuffer>>): Promise<KeptSecret>;
}
