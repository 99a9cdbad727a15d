/** A user name and password (or a token in its place) for an upstream registry. */
export interface PasswordCredentials {
  readonly username: string;
  readonly password: string;
}

/** What `docker login` keeps in place of a password: a refresh token (RFC 6749, section 6), which only token realms accept. */
export interface IdentityToken {
  readonly identityToken: string;
}

export type UpstreamCredentials = PasswordCredentials | IdentityToken;

/**
 * Gets the credentials as they are now; `undefined`: none, so upstream is asked anonymously. `wereRefused`: the last ones were,
 * so there may be newer ones. Rejects with an `Error` whose message is for the operator and has no secret.
 */
export type UpstreamCredentialSource = (
  wereRefused: boolean,
) => UpstreamCredentials | undefined | Promise<UpstreamCredentials | undefined>;
