import { isRecord } from "../../primitives/text/records.ts";
import type { Exchange, HttpRequest, HttpResponse } from "./exchange.ts";
import { failureOf } from "./failed-response.ts";
import type { TokenRealm } from "./token-realm.ts";
import { UpstreamFault } from "./upstream-answer.ts";
import type { IdentityToken, PasswordCredentials, UpstreamCredentials } from "./upstream-credentials.ts";

export interface TokenRequest {
  readonly realm: TokenRealm;
  readonly service: string | undefined;
  readonly scope: string | undefined;
  readonly credentials: UpstreamCredentials | undefined;
}

const MAX_RESPONSE = 256 * 1024;
/** In bytes; servers refuse requests with larger headers. */
const MAX_TOKEN = 16 * 1024;
/** In seconds, where the response has no `expires_in` (distribution's token specification). */
const DEFAULT_LIFETIME = 60;
const MAX_LIFETIME = 3600;
/** Of its lifetime, the part after which a token is not used any more: clocks and requests take time. */
const USED_PART = 0.8;
const MAX_TOKENS = 1000;
/** How this client calls itself where it has an identity token. */
const CLIENT_ID = "everlock";

interface KeptToken {
  readonly token: string;
  /** By `performance.now`. */
  readonly until: number;
}

/** Gets tokens from realms, and keeps them until shortly before they expire. */
export class Tokens {
  readonly #exchange: Exchange;
  readonly #kept = new Map<string, KeptToken>();
  readonly #pending = new Map<string, Promise<string>>();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Requests for the same token share one request of upstream. Rejects with `UpstreamFault`. */
  get(request: TokenRequest): string | Promise<string> {
    const key = keyOf(request);
    const kept = this.#kept.get(key);
    if (kept && performance.now() < kept.until) return kept.token;
    let pending = this.#pending.get(key);
    if (!pending) {
      pending = this.#fetch(request, key).finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    return pending;
  }

  /** A token that upstream refuses is not used again. */
  forget(request: TokenRequest): void {
    this.#kept.delete(keyOf(request));
  }

  clear(): void {
    this.#kept.clear();
  }

  async #fetch(request: TokenRequest, key: string): Promise<string> {
    const { isTrusted } = request.realm;
    // Without a signal: others may wait for the same token. Its time is limited.
    const sent = { ...httpRequestOf(request), isTrusted, signal: undefined };
    const response = await this.#exchange.send(sent);
    const { token, lifetime } = await this.#read(response, sent.url);
    this.#keep(key, { token, until: performance.now() + lifetime * USED_PART * 1000 });
    return token;
  }

  async #read(
    response: HttpResponse,
    url: URL,
  ): Promise<{ readonly token: string; readonly lifetime: number }> {
    if (response.status !== 200)
      throw new UpstreamFault(await failureOf(this.#exchange, url, response, "a token"));
    const bytes = await response.body.bytes(MAX_RESPONSE);
    const json = bytes && parsed(bytes);
    const token = json?.["token"] ?? json?.["access_token"];
    if (typeof token !== "string" || token.length > MAX_TOKEN || !/^[\x21-\x7e]+$/.test(token))
      throw new UpstreamFault(this.#exchange.failure(url, "its token realm sends no token", "invalid"));
    const stated = Number(json?.["expires_in"] ?? DEFAULT_LIFETIME);
    return { token, lifetime: stated > 0 ? Math.min(stated, MAX_LIFETIME) : DEFAULT_LIFETIME };
  }

  /** The oldest makes room. */
  #keep(key: string, token: KeptToken): void {
    this.#kept.delete(key);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MAX_TOKENS && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(key, token);
  }
}

/** As `GET` with a password or without, and as `POST` with an identity token (distribution's specifications of both). */
function httpRequestOf({
  realm,
  service,
  scope,
  credentials,
}: TokenRequest): Pick<HttpRequest, "method" | "url" | "headers" | "form"> {
  const url = new URL(realm.url);
  const wanted = { ...(service !== undefined && { service }), ...(scope !== undefined && { scope }) };
  if (credentials && isIdentityToken(credentials)) {
    const grant = { grant_type: "refresh_token", refresh_token: credentials.identityToken };
    const form = new URLSearchParams({ ...grant, client_id: CLIENT_ID, ...wanted });
    return { method: "POST", url, headers: {}, form };
  }
  for (const [name, value] of Object.entries(wanted)) url.searchParams.set(name, value);
  return {
    method: "GET",
    url,
    headers: credentials ? { Authorization: basicAuthorization(credentials) } : {},
  };
}

export function isIdentityToken(credentials: UpstreamCredentials): credentials is IdentityToken {
  return "identityToken" in credentials;
}

export function basicAuthorization({ username, password }: PasswordCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function keyOf({ realm, service, scope, credentials }: TokenRequest): string {
  return JSON.stringify([realm.url.href, service, scope, credentials]);
}

function parsed(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString());
    return isRecord(json) ? json : undefined;
  } catch {
    return undefined;
  }
}
