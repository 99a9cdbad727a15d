/** What the whole server, on all of its nodes, must keep to itself. No store and no history has it. */
export type SecretName = "token_key" | "ssh_host_ed25519_key" | GivenSecretName;

/** What operators give, and may change: a document. */
export type GivenSecretName = "upstream_credentials";

/** Makes the new document of the kept one (`undefined`: none); `undefined` changes nothing. Called again if another node was faster. */
export type SecretChange = (kept: Uint8Array | undefined) => Uint8Array<ArrayBuffer> | undefined;

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

  /** As it is kept now, `undefined`: nothing was given. */
  givenSecret(name: GivenSecretName): Promise<Uint8Array | undefined>;

  /** Resolves when the change is durable. */
  changeSecret(name: GivenSecretName, change: SecretChange): Promise<void>;
}
