/** A user name and password (or a token in its place) for an upstream registry. */
export interface UpstreamCredentials {
  readonly username: string;
  readonly password: string;
}

/**
 * Gets the credentials as they are now; `undefined`: none, so upstream is asked anonymously. `wereRefused`: the last ones were,
 * so there may be newer ones. Rejects with an `Error` whose message is for the operator and has no secret.
 */
export type UpstreamCredentialSource = (
  wereRefused: boolean,
) => UpstreamCredentials | undefined | Promise<UpstreamCredentials | undefined>;
