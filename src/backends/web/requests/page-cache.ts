import { ByteCache } from "../../../primitives/bounds/byte-cache.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { UserDirectory } from "../../../primitives/users/user-directory.ts";
import type { InstanceConfig } from "../../oci-http/settings/instance-config.ts";
import type { WebRequest, WebResponse } from "./web-calls.ts";

const CAPACITY_BYTES = 8 * 1024 * 1024;
/** Ages such as `5m ago` are rendered into a page, and it also tells which blobs are there, which no commit does. */
const MAX_AGE_MS = 30_000;
/** An upper bound. */
const BYTES_PER_CHARACTER = 2;
/** Estimated bytes of an entry's objects and headers. */
const ENTRY_BYTES = 2000;
const MAX_QUERY = 2000;

/** What a page is made of besides the request. */
export interface PageState {
  readonly config: InstanceConfig;
  readonly directory: UserDirectory;
  readonly commit: ObjectId | undefined;
}

interface Kept {
  readonly state: PageState;
  readonly until: number;
  readonly response: WebResponse;
}

/** Finished pages, each for one login alone, until users, settings or commits change. */
export class PageCache {
  readonly #now: () => number;
  readonly #entries = new ByteCache<Kept>(CAPACITY_BYTES);

  /** `now` in milliseconds. */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  get(request: WebRequest, state: PageState): WebResponse | undefined {
    const key = keyOf(request);
    const kept = key === undefined ? undefined : this.#entries.get(key);
    if (!key || !kept) return undefined;
    if (kept.until > this.#now() && isSameState(kept.state, state)) return kept.response;
    this.#entries.delete(key);
    return undefined;
  }

  set(request: WebRequest, state: PageState, response: WebResponse): void {
    const key = keyOf(request);
    if (key === undefined || response.status !== 200 || response.session || response.download) return;
    const { body } = response;
    const bytes = typeof body === "string" ? body.length * BYTES_PER_CHARACTER : (body?.byteLength ?? 0);
    this.#entries.set(key, { state, response, until: this.#now() + MAX_AGE_MS }, bytes + ENTRY_BYTES);
  }
}

export function isSameState(a: PageState, b: PageState): boolean {
  return a.config === b.config && a.directory === b.directory && a.commit === b.commit;
}

/**
 * All of a request that a page may depend on; sessions of one user see the same. `undefined` for requests that are handled each
 * time. The client's name and address stand in commits alone, which no GET makes.
 */
function keyOf({ method, path, query, base, instance, login, headers }: WebRequest): string | undefined {
  if (method !== "GET" || login.hasEnded || query.length > MAX_QUERY) return undefined;
  const { user, limit, claims, session, isPersonal } = login;
  const { "user-agent": _client, "if-none-match": _known, ...read } = headers;
  const who = [user, limit?.role, limit?.path, claims, session !== undefined, isPersonal];
  return JSON.stringify([path, query, base, instance, who, Object.entries(read).sort()]);
}
