import type { Resolve } from "./connections.ts";
import type { UpstreamCredentialSource } from "./upstream-credentials.ts";
import type { UpstreamUrl } from "./upstream-url.ts";

export interface UpstreamOptions {
  readonly url: UpstreamUrl;
  readonly credentials?: UpstreamCredentialSource | undefined;
  /** Certificates (PEM) of the CAs that upstream's may be from, in place of all known ones; the function throws an `Error` for the operator. */
  readonly ca?: string | (() => string) | undefined;
  /** A token realm on another host that may get the password: its origin, such as `https://auth.example.org`. */
  readonly realm?: string | undefined;
  /** Whether redirects and realms may lead to private, loopback and link-local addresses. Upstream itself may have one. */
  readonly allowsPrivate?: boolean;
  /** How long upstream may send nothing, in milliseconds: until a response begins, and within a body. */
  readonly silenceMs?: number;
  /** Of proxies: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, in upper or lower case. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** How host names become addresses; by the system if not given. */
  readonly resolve?: Resolve;
}
