/** Access keys of an object store. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary keys. */
  readonly sessionToken?: string | undefined;
}

/** The usual variables of AWS's tools; `undefined` if there are none. */
export function credentialsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): S3Credentials | undefined {
  const accessKeyId = environment["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = environment["AWS_SECRET_ACCESS_KEY"];
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: environment["AWS_SESSION_TOKEN"] };
}

const KEYS: Readonly<Record<string, keyof S3Credentials>> = {
  aws_access_key_id: "accessKeyId",
  aws_secret_access_key: "secretAccessKey",
  aws_session_token: "sessionToken",
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
