import type { S3Credentials } from "./s3-credentials.ts";

/** Keys of a role, which end. */
export interface RoleKeys {
  readonly credentials: S3Credentials;
  /** `undefined` if they don't. */
  readonly expires: Date | undefined;
}

/** Where the keys of a role come from. */
export interface Role {
  /** Tells it from others, and names it in messages. */
  readonly name: string;
  /** Rejects if there are none. */
  readonly fetch: () => Promise<RoleKeys>;
}

/** How long a service of keys may take, in milliseconds. */
const TIMEOUT_MS = 5000;
const MAX_WORDS = 200;

/** Throws for a response that is no success. */
export async function ask(
  url: string,
  init: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  },
  timeoutMs = TIMEOUT_MS,
): Promise<string> {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, { ...init, headers: { ...init.headers }, signal, redirect: "error" });
  const text = await response.text();
  if (response.ok) return text;
  const words = text.replaceAll(/\s+/g, " ").slice(0, MAX_WORDS);
  throw new Error(`${new URL(url).host} says ${response.status} ${words}`.trim());
}

/** Parses what the services of containers and machines send. Throws. */
export function parseRoleKeys(text: string): RoleKeys {
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = JSON.parse(text) as Record<string, unknown>;
  if (typeof AccessKeyId !== "string" || typeof SecretAccessKey !== "string")
    throw new Error("the response has no AccessKeyId and SecretAccessKey");
  return roleKeys(
    { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey },
    typeof Token === "string" ? Token : undefined,
    typeof Expiration === "string" ? Expiration : undefined,
  );
}

export function roleKeys(
  keys: Pick<S3Credentials, "accessKeyId" | "secretAccessKey">,
  sessionToken: string | undefined,
  expiration: string | undefined,
): RoleKeys {
  const expires = expiration === undefined ? undefined : new Date(expiration);
  if (expires && Number.isNaN(expires.getTime())) throw new Error(`'${expiration}' is no time`);
  return { credentials: { ...keys, sessionToken }, expires };
}
