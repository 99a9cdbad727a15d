import type { Actor } from "../../actor.ts";
import type { AsOfRecord } from "../../oci-http/operations/as-of.ts";
import type { Moment } from "../../oci-http/operations/moment.ts";
import type { InstanceConfig } from "../../oci-http/settings/instance-config.ts";
import type { Links } from "./links.ts";
import type { Submissions } from "./submissions.ts";
import type { WebRequest } from "./web-calls.ts";
import type { WebServices } from "./web-services.ts";

/** The context of a page or a call of the API. */
export interface WebContext {
  readonly request: WebRequest;
  readonly services: WebServices;
  readonly actor: Actor;
  /** The registry of the host. */
  readonly config: InstanceConfig;
  readonly query: URLSearchParams;
  /** The past moment that is looked at; `undefined`: now. */
  readonly at: Moment | undefined;
  /** What a page tells of that moment. */
  readonly asOf: AsOfRecord | undefined;
  readonly links: Links;
  /** The confirmed forms of all users. */
  readonly submissions: Submissions;
}

/** Props of every component of a page. */
export interface InContext {
  readonly context: WebContext;
}
