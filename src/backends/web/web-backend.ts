import { type AsOfRecord, describeMoment } from "../oci-http/operations/as-of.ts";
import type { Moment } from "../oci-http/operations/moment.ts";
import { configOf, requestWaits } from "../oci-http/operations/registry-access.ts";
import { requireSeen } from "../oci-http/operations/seen-moment.ts";
import { isSettled, newestCommit } from "../oci-http/operations/settled-commit.ts";
import { maintenanceMessage } from "../oci-http/settings/registry-mode.ts";
import { API_PREFIX, handleApi } from "./api/api.ts";
import { momentIn } from "./api/path-values.ts";
import { problem } from "./api/problem.ts";
import { assetAt } from "./assets/assets.ts";
import { endedSession } from "./pages/ended-session.tsx";
import { errorPage } from "./pages/error-page.tsx";
import { isKeptPage } from "./pages/page-table.ts";
import { handlePage, responseOf } from "./pages/pages.tsx";
import { SIGN_IN, SIGN_OUT } from "./pages/sign-in-page.tsx";
import { compressed } from "./requests/compressed.ts";
import { UnderMaintenanceError, webFailureOf } from "./requests/failed-web.ts";
import { failureLog } from "./requests/failure-log.ts";
import { Links } from "./requests/links.ts";
import { isSameState, PageCache, type PageState } from "./requests/page-cache.ts";
import { SECURITY_HEADERS, UNCACHED } from "./requests/security-headers.ts";
import { Submissions } from "./requests/submissions.ts";
import { webActor } from "./requests/web-actor.ts";
import type { WebCalls, WebRequest, WebResponse } from "./requests/web-calls.ts";
import type { WebContext } from "./requests/web-context.ts";
import type { WebServices } from "./requests/web-services.ts";

/** What works in maintenance too. */
const ALWAYS = [SIGN_IN, SIGN_OUT];

interface SettledState extends PageState {
  readonly isSettled: boolean;
}

/** The pages and the API of all registries. It runs on the main thread, over the operations that the console uses. */
export class WebBackend implements WebCalls {
  readonly #services: WebServices;
  readonly #submissions = new Submissions();
  readonly #pages = new PageCache();

  constructor(services: WebServices) {
    this.#services = { ...services, log: failureLog(services.log) };
  }

  async handle(request: WebRequest): Promise<WebResponse> {
    const asset = assetAt(request);
    if (asset) return finished(request, asset);
    const before = await this.#stateOf(request);
    const kept = before && this.#pages.get(request, before);
    if (kept) return kept;
    const response = finished(request, await this.#answer(request), UNCACHED);
    // A page may show less than there is while something is being read, so that it must have been settled before too.
    if (!before?.isSettled) return response;
    const after = await this.#stateOf(request);
    if (after?.isSettled && isSameState(before, after)) this.#pages.set(request, after, response);
    return response;
  }

  /** What a page that may be kept is made of; `undefined` for all others, and while the registry is out of service. */
  async #stateOf({ path, instance }: WebRequest): Promise<SettledState | undefined> {
    if (!isKeptPage(path)) return undefined;
    try {
      const commit = await newestCommit(this.#services, instance);
      const config = configOf(this.#services, instance);
      const { directory } = this.#services.users;
      return { config, directory, commit, isSettled: isSettled(this.#services, instance, commit) };
    } catch {
      // The page itself says why.
      return undefined;
    }
  }

  async #answer(request: WebRequest): Promise<WebResponse> {
    let context = this.#contextOf(request);
    const isApi = isApiPath(request.path);
    const expired = isApi ? undefined : endedSession(context);
    if (expired) return expired;
    try {
      if (!ALWAYS.includes(request.path)) this.#refuseMaintenance(context);
      const at = await momentOf(context);
      if (isApi) return await handleApi({ ...context, at }, request.path.slice(API_PREFIX.length));
      // Together: an error says nothing of a moment that is not known.
      context = { ...context, at, asOf: await asOfOf({ ...context, at }) };
      return await handlePage(context);
    } catch (error) {
      const failure = webFailureOf(this.#services.log, error, request.login);
      return isApi ? problem(failure) : responseOf(context, errorPage(context, failure));
    }
  }

  #contextOf(request: WebRequest): WebContext {
    const query = new URLSearchParams(request.query);
    const { users } = this.#services;
    const client = request.headers["user-agent"] ?? "";
    return {
      request,
      services: { ...this.#services, waits: requestWaits() },
      actor: webActor(request.login, { directory: () => users.directory, client, remote: request.remote }),
      config: configOf(this.#services, request.instance),
      query,
      at: undefined,
      asOf: undefined,
      links: new Links(request.base, pastIn(query)),
      submissions: this.#submissions,
    };
  }

  #refuseMaintenance({ config, actor }: WebContext): void {
    const message = maintenanceMessage(config.mode);
    if (message !== undefined && !actor.isAdministrator()) throw new UnderMaintenanceError(message);
  }
}

function finished(
  request: WebRequest,
  response: WebResponse,
  headers: Readonly<Record<string, string>> = {},
): WebResponse {
  return compressed(request, {
    ...response,
    headers: { ...headers, ...SECURITY_HEADERS, ...response.headers },
  });
}

function isApiPath(path: string): boolean {
  return path === API_PREFIX || path.startsWith(`${API_PREFIX}/`);
}

/** The past moment that a query names; `now` is none. */
function pastIn(query: URLSearchParams): string | undefined {
  const at = query.get("at");
  return at === null || at === "" || at === "now" ? undefined : at;
}

async function momentOf({ query, services, actor, config }: WebContext): Promise<Moment | undefined> {
  const text = pastIn(query);
  if (text === undefined) return undefined;
  const moment = momentIn("at", text);
  await requireSeen(services, actor, { instance: config.name, moment });
  return moment;
}

async function asOfOf({ services, actor, config, at }: WebContext): Promise<AsOfRecord | undefined> {
  return at && describeMoment(services, actor, { instance: config.name, at });
}
