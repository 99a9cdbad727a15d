import type { OtherNodes } from "../../../backends/administration/configuration-follower.ts";
import type { Principal } from "../../../backends/oci-http/instances/instance.ts";
import type { InstanceName } from "../../../backends/oci-http/settings/instance-config.ts";
import { problem } from "../../../backends/web/api/problem.ts";
import {
  WEB_HEADERS,
  type WebCalls,
  type WebDownload,
  type WebLogin,
  type WebRequest,
  type WebResponse,
} from "../../../backends/web/requests/web-calls.ts";
import { SharedBudget } from "../../../primitives/bounds/shared-budget.ts";
import { networkOf } from "../../../primitives/net/client-network.ts";
import type { Authenticator, LoginAttempt, LoginResult } from "../../../primitives/users/authenticator.ts";
import type { Session, SessionToken, TokenAuthority } from "../../../primitives/users/token-authority.ts";
import { ANONYMOUS } from "../../../primitives/users/user.ts";
import { withBoundedBody } from "../../../registry/requests/bounded-body.ts";
import { RegistryError } from "../../../registry/requests/errors.ts";
import type { RequestTrace } from "../../../registry/requests/trace.ts";
import type { RequestAuthenticator } from "../auth/request-authenticator.ts";
import type { RoutedRequest } from "../requests/http-backend.ts";
import { HTTP_FAULTS } from "../requests/http-faults.ts";
import { isOfSameOrigin, mayUseSession } from "./same-origin.ts";
import { type CookieOptions, sessionCookie, sessionTokenIn } from "./session-cookie.ts";
import { safeNext } from "./web-paths.ts";

/** Enough for a form or a document of the API with a thousand names. */
const MAX_BODY_BYTES = 256 * 1024;
/** Maximal bytes of bodies that one thread receives at the same time. */
const BODY_BUDGET = 16 * 1024 * 1024;
const SIGN_IN = "/sign-in";
const API = "/api/";
const EMPTY = new Uint8Array();

export interface WebEndpointOptions {
  readonly authenticator: Authenticator;
  readonly requestAuthenticator: RequestAuthenticator;
  readonly tokens: TokenAuthority;
  readonly web: WebCalls;
  /** What other nodes change; `undefined` where there are none. */
  readonly others?: OtherNodes | undefined;
  /** Awaited before a token is issued that rests on a change of users. */
  readonly upToDate?: (() => Promise<void> | undefined) | undefined;
}

/** What a request for a page adds to a routed one. */
export interface WebRoutedRequest extends RoutedRequest {
  /** The registry's response to the request at another path, by this principal. */
  readonly sendBlob: (path: string, principal: Principal) => Promise<Response>;
  /** Gets the user once the login is known. */
  readonly trace: RequestTrace & { user: string };
}

/** Authenticates requests for pages and API, by the session's cookie or the Authorization header, and hands them to the main thread. */
export class WebEndpoint {
  readonly #options: WebEndpointOptions;
  readonly #bodies = new SharedBudget(BODY_BUDGET);

  constructor(options: WebEndpointOptions) {
    this.#options = options;
  }

  async handle(routed: WebRoutedRequest): Promise<Response | RegistryError> {
    const { request, path, base, remote } = routed;
    // The registry takes a Host whose port is none; an address can't be made of it.
    const address = URL.parse(base);
    if (!address) return new RegistryError(HTTP_FAULTS.hostInvalid);
    const { host, protocol } = address;
    const cookies = { isSecure: protocol === "https:" };
    if (!isOfSameOrigin(request, host)) return new RegistryError(HTTP_FAULTS.otherOrigin);
    const principal = await this.#principal(routed, cookies);
    if (principal instanceof RegistryError) return principal;
    routed.trace.user = principal.login.user;
    if (!request.body) return this.#pass(routed, cookies, principal, EMPTY);
    const result = await withBoundedBody(
      request,
      MAX_BODY_BYTES,
      this.#bodies.open(networkOf(remote())),
      (body) =>
        path === SIGN_IN && request.method === "POST"
          ? this.#signIn(routed, cookies, principal, body)
          : this.#pass(routed, cookies, principal, body),
    );
    if (result === "too-long") return new RegistryError(HTTP_FAULTS.pageBodyTooLong);
    if (result === "over-budget")
      return new RegistryError("tooManyBodies", { headers: { "Retry-After": "5" } });
    return result;
  }

  async #principal(routed: WebRoutedRequest, cookies: CookieOptions): Promise<WebPrincipal | RegistryError> {
    const { request, backend, base } = routed;
    if (request.headers.has("Authorization")) {
      const principal = await this.#options.requestAuthenticator.principal(routed, () =>
        backend.challenge(base),
      );
      if (principal instanceof RegistryError) return principal;
      const { user, limit, token, isApiToken } = principal;
      const isPersonal = user !== ANONYMOUS && !isApiToken && !token;
      return { principal, login: { user, limit, claims: token?.claims, isPersonal } };
    }
    const sent = mayUseSession(request, new URL(base).host) ? request.headers.get("Cookie") : null;
    const token = sessionTokenIn(sent, cookies);
    if (token === undefined) return NOBODY;
    const session = await this.#session(token, backend.audience);
    if (!session) return { ...NOBODY, login: { ...NOBODY.login, hasEnded: true } };
    const { user, id, began } = session;
    return { principal: { user }, login: { user, session: { id, began }, isPersonal: true }, session };
  }

  /** Another node may have begun it with a password that this one does not know yet: it is asked before a session is refused. */
  async #session(token: string, audience: string): Promise<Session | undefined> {
    const { tokens, others } = this.#options;
    const version = others?.version;
    const session = tokens.verifySession(token, audience);
    if (session || !others) return session;
    await others.refresh();
    return others.version === version ? undefined : tokens.verifySession(token, audience);
  }

  async #signIn(
    routed: WebRoutedRequest,
    cookies: CookieOptions,
    principal: WebPrincipal,
    body: Uint8Array,
  ): Promise<Response> {
    const { backend, remote } = routed;
    const form = new URLSearchParams(new TextDecoder().decode(body));
    const [login, password] = [form.get("user") ?? "", form.get("password") ?? ""];
    const place = `the pages of the registry '${backend.audience}'`;
    const { tokens } = this.#options;
    const result = await this.#login({
      login,
      password,
      address: remote,
      // An API token may be limited, and its holder has the pages' API.
      acceptsApiTokens: false,
      place,
    });
    if (result.kind === "accepted") {
      const session = tokens.issueSession(result.user.name, backend.audience);
      return new Response(null, {
        status: 303,
        headers: {
          Location: safeNext(form.get("next")),
          "Set-Cookie": sessionCookie(session, cookies),
          "Cache-Control": "no-store",
        },
      });
    }
    const retry = result.kind === "limited" ? { retryAfterSeconds: result.retryAfterSeconds } : {};
    return this.#pass(routed, cookies, principal, body, { user: login, ...retry });
  }

  /** Another node may have changed the password: it is asked before a login is refused. */
  async #login(attempt: LoginAttempt): Promise<LoginResult> {
    const { authenticator, others } = this.#options;
    const version = others?.version;
    const result = await authenticator.login(attempt);
    if (!others || result.kind !== "refused") return result;
    await others.refresh();
    return others.version === version ? result : authenticator.login(attempt);
  }

  async #pass(
    routed: WebRoutedRequest,
    cookies: CookieOptions,
    asking: WebPrincipal,
    body: Uint8Array,
    refusedSignIn?: WebRequest["refusedSignIn"],
  ): Promise<Response> {
    const { request, path, query, base, backend, remote, trace } = routed;
    const { principal, login } = asking;
    trace.route = path.startsWith(API) ? "api" : "page";
    const headers = WEB_HEADERS.flatMap((name) => {
      const value = request.headers.get(name);
      return value === null ? [] : [[name, value]];
    });
    const response = await this.#options.web.handle({
      method: request.method,
      path,
      query: query.toString(),
      base,
      instance: backend.audience as InstanceName,
      login,
      refusedSignIn,
      remote: remote(),
      headers: Object.fromEntries(headers),
      body,
    });
    if (response.download) return this.#download(routed, principal, response);
    const sent = responseOf(response);
    const session = await this.#nextSession(asking, response, backend.audience);
    if (session) sent.headers.set("Set-Cookie", sessionCookie(session, cookies));
    return sent;
  }

  /** What the browser is to keep from now on; `undefined`: what it has. */
  async #nextSession(
    { principal, session }: WebPrincipal,
    response: WebResponse,
    audience: string,
  ): Promise<SessionToken | undefined> {
    const { tokens, upToDate } = this.#options;
    switch (response.session) {
      case "end":
        return { token: "", seconds: 0 };
      case "begin":
        await upToDate?.();
        return tokens.issueSession(principal.user, audience);
      default:
        return session && tokens.renewSession(session, audience);
    }
  }

  /** Whether the principal may read the blob is decided as for any pull. */
  async #download(
    { sendBlob }: WebRoutedRequest,
    principal: Principal,
    { headers, download }: WebResponse,
  ): Promise<Response> {
    if (!download) throw new Error("a response without a download");
    const { repository, digest, fileName } = download;
    const sent = await sendBlob(`/v2/${repository}/blobs/${digest}`, principal);
    if (sent.status >= 400 && sent.status !== 416)
      return responseOf(undownloaded(sent.status, download, headers));
    for (const [name, value] of Object.entries(headers)) sent.headers.set(name, value);
    sent.headers.set("Content-Disposition", `attachment; filename="${fileName.replace(/[^\w.+-]/g, "_")}"`);
    return sent;
  }
}

/** The registry's own errors are not those of the API. */
function undownloaded(
  status: number,
  { repository, digest }: WebDownload,
  headers: WebResponse["headers"],
): WebResponse {
  const words = `the repository '${repository}' does not hold the blob '${digest}'`;
  if (status === 404) return problem({ status, words }, headers);
  return problem({ status, words: `the registry did not send the blob '${digest}'` }, headers);
}

function responseOf({ status, headers, body }: WebResponse): Response {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  // With its length, which metrics and the access log count.
  const length = bytes && { "Content-Length": String(bytes.byteLength) };
  return new Response(bytes, { status, headers: { ...headers, ...length } });
}

interface WebPrincipal {
  readonly principal: Principal;
  /** The same as plain data, for the main thread. */
  readonly login: WebLogin;
  /** The session of the cookie, if it is valid. */
  readonly session?: Session | undefined;
}

const NOBODY: WebPrincipal = { principal: { user: ANONYMOUS }, login: { user: ANONYMOUS } };
