import { readFileSync } from "node:fs";
import { ExpectedError, messageOf } from "../expected-error.ts";
import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";
import { roleOf, roleSource } from "./role-credentials.ts";
import {
  credentialsFromEnvironment,
  ENVIRONMENT_NAMES,
  FILE_NAMES,
  parseCredentialsFile,
  type S3Credentials,
  unusableKey,
} from "./s3-credentials.ts";

/** A file is read again after this time (ms), because temporary keys are renewed in it. */
const FILE_MS = 60_000;
/** And at most so often (ms) while its keys are refused. */
const REFUSED_FILE_MS = 1000;

const NO_KEY = "has a character that no key has, such as a space, a line feed or a quotation mark";

/** There are no access keys where they should be. */
export class MissingCredentialsError extends ExpectedError {
  override readonly name = "MissingCredentialsError";
  override readonly kind = "unusable";
}

export interface CredentialSourceOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Whether the object store is AWS S3, whose machines may have a role. */
  readonly isAws?: boolean;
  readonly now?: MonotonicClock;
}

/**
 * Gives the access keys as they are now. `wereRefused`: the last ones were, so there may be newer ones. Throws
 * `MissingCredentialsError`, or rejects with `S3UnavailableError` where they can't be fetched.
 */
export type CredentialSource = (wereRefused?: boolean) => S3Credentials | Promise<S3Credentials>;

/** Of a file, or of the environment, or of the role that the environment or the machine has. Throws `MissingCredentialsError`. */
export function credentialSource(
  file: string | undefined,
  { environment = process.env, isAws = false, now = monotonicMs }: CredentialSourceOptions = {},
): CredentialSource {
  if (file !== undefined) return fileSource(file, now);
  const given = credentialsFromEnvironment(environment);
  if (given) {
    const unusable = unusableKey(given);
    if (unusable !== undefined) throw new MissingCredentialsError(`${ENVIRONMENT_NAMES[unusable]} ${NO_KEY}`);
    return () => given;
  }
  const role = roleOf(environment, isAws);
  if (role) return roleSource(role);
  throw new MissingCredentialsError(
    "there are no access keys for the object store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or --storage-credentials <file>",
  );
}

/** Throws as the source does if the file has no keys now. */
function fileSource(path: string, now: MonotonicClock): CredentialSource {
  let read = { credentials: fromFile(path), at: now() };
  return (wereRefused = false) => {
    if (now() - read.at >= (wereRefused ? REFUSED_FILE_MS : FILE_MS))
      try {
        read = { credentials: fromFile(path), at: now() };
      } catch {
        // It is being written: the keys of before may still be valid.
        read = { ...read, at: now() };
      }
    return read.credentials;
  };
}

function fromFile(path: string): S3Credentials {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new MissingCredentialsError(`the credentials file ${path} can't be read: ${messageOf(cause)}`, {
      cause,
    });
  }
  const credentials = parseCredentialsFile(text);
  const unusable = credentials && unusableKey(credentials);
  if (unusable !== undefined)
    throw new MissingCredentialsError(`the credentials file ${path}: ${FILE_NAMES[unusable]} ${NO_KEY}`);
  if (credentials) return credentials;
  throw new MissingCredentialsError(
    `the credentials file ${path} has no aws_access_key_id and aws_secret_access_key in its section [default]`,
  );
}
