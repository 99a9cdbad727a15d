import { service } from "../../../primitives/threads/service.ts";
import type { Grant } from "../../../primitives/users/access-file.ts";
import type { SessionClaim } from "../../../primitives/users/ended-sessions.ts";
import type { UserName } from "../../../primitives/users/user.ts";
import type { AccessClaim } from "../../oci-http/access/token-access.ts";
import type { InstanceName } from "../../oci-http/settings/instance-config.ts";

/** The first components of the paths of pages and API. */
export const WEB_FOLDERS = [
  ...[
    "api",
    "assets",
    "repositories",
    "log",
    "commits",
    "compare",
    "restore",
    "delete",
    "space",
    "account",
    "sign-in",
    "sign-out",
  ],
] as const;

/** The headers that pages and API read, in lower case. */
export const WEB_HEADERS = [
  "accept",
  "accept-encoding",
  "content-type",
  "if-none-match",
  "sec-fetch-dest",
  "sec-fetch-site",
  "user-agent",
] as const;
export type WebHeader = (typeof WEB_HEADERS)[number];

/** Who sends a request: `anon`, or a user with a session of the pages, or credentials in the Authorization header. */
export interface WebLogin {
  readonly user: UserName;
  /** The part of the user's access that the login may use; `undefined`: all of it. */
  readonly limit?: Grant | undefined;
  /** The claims of a Bearer token, which limit the access too. */
  readonly claims?: readonly AccessClaim[] | undefined;
  /** That of a login by the page. */
  readonly session?: SessionClaim | undefined;
  /** Whether the user has given the password, here or at the sign-in of the session; not with a token. */
  readonly isPersonal?: boolean | undefined;
  /** Whether the client has sent the cookie of a session that is no longer valid. */
  readonly hasEnded?: boolean | undefined;
}

/** A request for a page, the API or an asset, as plain data. */
export interface WebRequest {
  readonly method: string;
  /** Percent-encoded, without the path prefix. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** Scheme, host, port and path prefix as the client used them, such as `https://registry.example.org`. */
  readonly base: string;
  readonly instance: InstanceName;
  readonly login: WebLogin;
  /** Why the login of a submitted sign-in form was refused. */
  readonly refusedSignIn?: RefusedSignIn | undefined;
  /** The client's address, without port. */
  readonly remote: string;
  readonly headers: Readonly<Partial<Record<WebHeader, string>>>;
  readonly body: Uint8Array;
}

export interface RefusedSignIn {
  /** As typed. */
  readonly user: string;
  /** `undefined`: name or password is wrong. */
  readonly retryAfterSeconds?: number | undefined;
}

/** A blob of a repository that the HTTP thread sends, after it has checked the access itself. */
export interface WebDownload {
  readonly repository: string;
  readonly digest: string;
  /** The name that a browser saves it under. */
  readonly fileName: string;
}

export interface WebResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
  /** Sent instead of `body`. */
  readonly download?: WebDownload | undefined;
  /** `end`: its cookie is to be deleted; `begin`: the user's password has changed, and a new session takes the place of this one. */
  readonly session?: "end" | "begin" | undefined;
}

/** The pages and the API, as the HTTP threads call them. */
export interface WebCalls {
  handle(request: WebRequest): Promise<WebResponse>;
}

export const WEB = service<WebCalls>("web");
