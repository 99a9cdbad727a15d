/** Access keys of an object store. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary keys. */
  readonly sessionToken?: string | undefined;
}

export const ENVIRONMENT_NAMES = {
  accessKeyId: "AWS_ACCESS_KEY_ID",
  secretAccessKey: "AWS_SECRET_ACCESS_KEY",
  sessionToken: "AWS_SESSION_TOKEN",
} as const satisfies Record<keyof S3Credentials, string>;

export const FILE_NAMES = {
  accessKeyId: "aws_access_key_id",
  secretAccessKey: "aws_secret_access_key",
  sessionToken: "aws_session_token",
} as const satisfies Record<keyof S3Credentials, string>;

/** What a header can't hold, or what surely came along from where it was copied. */
const UNUSABLE = /[^!-~]|["'“”]/;

/** Which of the keys has characters that no key has. */
export function unusableKey(credentials: S3Credentials): keyof S3Credentials | undefined {
  const names = ["accessKeyId", "secretAccessKey", "sessionToken"] as const;
  return names.find((name) => UNUSABLE.test(credentials[name] ?? ""));
}

/** The usual variables of AWS's tools; `undefined` if there are none. */
export function credentialsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): S3Credentials | undefined {
  const accessKeyId = environment[ENVIRONMENT_NAMES.accessKeyId];
  const secretAccessKey = environment[ENVIRONMENT_NAMES.secretAccessKey];
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: environment[ENVIRONMENT_NAMES.sessionToken] };
}

const KEYS: Readonly<Record<string, keyof S3Credentials>> = {
  [FILE_NAMES.accessKeyId]: "accessKeyId",
  [FILE_NAMES.secretAccessKey]: "secretAccessKey",
  [FILE_NAMES.sessionToken]: "sessionToken",
};

/** Parses the section `[default]` of a credentials file of AWS's tools; `undefined` if it lacks a key. */
export function parseCredentialsFile(text: string): S3Credentials | undefined {
  const found: Partial<Record<keyof S3Credentials, string>> = {};
  let isDefault = true;
  for (const line of text.split("\n")) {
    const name = (line.split("=", 1)[0] ?? "").trim();
    if (name.startsWith("[")) isDefault = name.slice(1, -1).trim() === "default";
    const key = KEYS[name.toLowerCase()];
    // A key may end in equals signs.
    if (isDefault && key) found[key] = line.slice(line.indexOf("=") + 1).trim();
  }
  const { accessKeyId, secretAccessKey, sessionToken } = found;
  return accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey, sessionToken } : undefined;
}
