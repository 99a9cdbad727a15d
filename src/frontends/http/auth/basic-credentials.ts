export interface BasicCredentials {
  readonly login: string;
  readonly password: string;
}

const BASIC = /^basic +([A-Za-z0-9+/=_-]+)\s*$/i;

/** Parses an Authorization header of the Basic scheme (RFC 7617); `undefined` for any other. */
export function parseBasicCredentials(header: string): BasicCredentials | undefined {
  const [, encoded] = header.match(BASIC) ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { login: text.slice(0, colon), password: text.slice(colon + 1) };
}
