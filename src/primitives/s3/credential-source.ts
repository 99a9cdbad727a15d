import { readFileSync } from "node:fs";
import { ExpectedError, messageOf } from "../expected-error.ts";
import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";
import { credentialsFromEnvironment, parseCredentialsFile, type S3Credentials } from "./s3-credentials.ts";

/** A file is read again after this time (ms), because temporary keys are renewed in it. */
const FILE_MS = 60_000;

/** There are no access keys where they should be. */
export class MissingCredentialsError extends ExpectedError {
  override readonly name = "MissingCredentialsError";
  override readonly kind = "unusable";
}

export interface CredentialSourceOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly now?: MonotonicClock;
}

/** The access keys of a file, as it is now, or of the environment. The returned function throws `MissingCredentialsError`. */
export function credentialSource(
  file: string | undefined,
  { environment = process.env, now = monotonicMs }: CredentialSourceOptions = {},
): () => S3Credentials {
  if (file === undefined) return () => fromEnvironment(environment);
  let read: { readonly credentials: S3Credentials; readonly at: number } | undefined;
  return () => {
    if (read === undefined || now() - read.at >= FILE_MS) read = { credentials: fromFile(file), at: now() };
    return read.credentials;
  };
}

function fromEnvironment(environment: Readonly<Record<string, string | undefined>>): S3Credentials {
  const credentials = credentialsFromEnvironment(environment);
  if (credentials) return credentials;
  throw new MissingCredentialsError(
    "there are no access keys for the object store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or --storage-credentials <file>",
  );
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
  if (credentials) return credentials;
  throw new MissingCredentialsError(
    `the credentials file ${path} has no aws_access_key_id and aws_secret_access_key in its section [default]`,
  );
}
