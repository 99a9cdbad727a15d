import { networkOf } from "../../../primitives/net/client-network.ts";
import type { Grant } from "../../../primitives/users/access-file.ts";
import { type AccessPath, covers } from "../../../primitives/users/access-path.ts";
import { includesRole, type Role } from "../../../primitives/users/role.ts";
import { ANONYMOUS, type UserName } from "../../../primitives/users/user.ts";
import type { UserDirectory } from "../../../primitives/users/user-directory.ts";
import { identityOf } from "../../../primitives/users/user-registry.ts";
import type { Access, Permission, Verdict } from "../../../registry/model/access.ts";
import { mergeRanges, type NameRange } from "../../../registry/model/name-range.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { RegistryStorage } from "../../../registry/model/storage.ts";
import { handleRegistryRequest } from "../../../registry/registry.ts";
import { errorResponse, RegistryError } from "../../../registry/requests/errors.ts";
import type { Limits } from "../../../registry/requests/limits.ts";
import type { ChallengeScope, ResponseBodies } from "../../../registry/requests/registry-request.ts";
import type { RequestTrace } from "../../../registry/requests/trace.ts";
import { namesUnder } from "../access/readable-names.ts";
import { type AccessClaim, CATALOG, type RequestedAccess, type TokenAccess } from "../access/token-access.ts";
import { damageOf } from "../content/damage.ts";
import { handleReplicaRequest } from "../feed/replica-requests.ts";
import { REPLICA_PREFIX } from "../feed/replica-route.ts";
import type { MirrorCalls } from "../mirror/mirror-calls.ts";
import { MirrorStorage } from "../mirror/mirror-storage.ts";
import { MirrorView } from "../mirror/mirror-view.ts";
import { replicaReason } from "../settings/check-replicas.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import { maintenanceMessage } from "../settings/registry-mode.ts";
import { knownPlacesOf, placeFor, type UpstreamPlace } from "../settings/upstream-places.ts";
import { InstanceStorage } from "../store/instance-storage.ts";
import type { Author } from "../store/store-changes.ts";
import type { StoreView } from "../store/store-view.ts";
import { type ChallengeFault, challengeOf } from "./challenge.ts";

/** The user of a request, logged in by password or by a token that limits the access. */
export interface Principal {
  readonly user: UserName;
  readonly token?: TokenAccess;
  /** The part of the user's access that this login may use; `undefined`: all of it. */
  readonly limit?: Grant | undefined;
  /** Whether the login is by an API token. */
  readonly isApiToken?: boolean | undefined;
  /** When the login ends, in seconds since the epoch. */
  readonly ends?: number | undefined;
}

/** A request from a frontend, with HTTP parsed and the user authenticated (or `anon`). */
export interface IncomingRequest {
  readonly request: Request;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly principal: Principal;
  readonly trace: RequestTrace;
  readonly limits: Limits;
  readonly responseBodies: ResponseBodies;
  /** The client's address, without port. */
  remote(): string;
  /** Scheme, host, port and path prefix as the client used them, such as `http://localhost:8080`. */
  readonly base: string;
}

const DAMAGE_RETRY_SECONDS = "5";
const DAMAGE_MESSAGE =
  "an index of this registry is damaged and is being rebuilt; try again in a few seconds";

/** A load balancer or client that honours it asks again soon after the end. */
const MAINTENANCE_RETRY_SECONDS = "30";

const ANYBODY: Principal = { user: ANONYMOUS };
const ROLE_FOR: Readonly<Record<Permission, Role>> = { pull: "reader", push: "writer", delete: "owner" };

/** One registry: the protocol on a store, with access by the users' grants on `http/oci/<instance>`. */
export class OciInstance {
  readonly config: InstanceConfig;
  readonly view: StoreView;
  readonly #users: () => UserDirectory;
  readonly #accessPath: AccessPath;
  readonly #places: readonly UpstreamPlace[];
  /** `undefined` if all of its content is its own. */
  readonly #mirror: MirrorView | undefined;
  #underWay = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(config: InstanceConfig, view: StoreView, users: () => UserDirectory, mirrors: MirrorCalls) {
    this.config = config;
    this.#places = knownPlacesOf(config);
    this.#mirror = this.#places.length > 0 ? new MirrorView(config, mirrors) : undefined;
    this.view = view;
    this.#users = users;
    this.#accessPath = `http/oci/${config.name}` as AccessPath;
  }

  /** The audience of this registry's tokens. */
  get audience(): string {
    return this.config.name;
  }

  async handle(incoming: IncomingRequest): Promise<Response> {
    const message = maintenanceMessage(this.config.mode);
    if (message !== undefined)
      return errorResponse(
        new RegistryError("unavailable", { message, headers: { "Retry-After": MAINTENANCE_RETRY_SECONDS } }),
      );
    this.#underWay++;
    try {
      return await this.#handle(incoming);
    } catch (error) {
      const damage = damageOf(error);
      if (!damage) throw error;
      this.view.damaged(damage);
      const headers = { "Retry-After": DAMAGE_RETRY_SECONDS };
      return errorResponse(new RegistryError("unavailable", { message: DAMAGE_MESSAGE, headers }));
    } finally {
      if (--this.#underWay === 0) this.#idle?.resolve();
    }
  }

  /** Resolves when no request is being handled. */
  async idle(): Promise<void> {
    while (this.#underWay > 0) {
      this.#idle = Promise.withResolvers();
      await this.#idle.promise;
    }
  }

  #handle({
    request,
    path,
    query,
    principal,
    trace,
    limits,
    responseBodies,
    remote,
    base,
  }: IncomingRequest): Promise<Response> {
    if (path.startsWith(REPLICA_PREFIX))
      return handleReplicaRequest({
        ...{ request, path, query, trace, responseBodies },
        config: this.config,
        view: this.view,
        verdict: this.#mayReplicate(principal),
        // The scopes of tokens have no history.
        challenge: challengeOf("Basic", base),
      });
    const actor = () => ({
      identity: identityOf(principal.user),
      client: request.headers.get("User-Agent") ?? "",
      remote: remote(),
    });
    return handleRegistryRequest({
      request,
      path,
      query,
      trace,
      limits,
      responseBodies,
      client: () => (principal.user === ANONYMOUS ? networkOf(remote()) : `user ${principal.user}`),
      access: this.#accessOf(principal),
      readOnly: readOnlyReason(this.config),
      refusesPushes: (repository) => this.#pushRefusal(repository),
      storage: this.#storage(actor, request.method === "HEAD", query),
      challenge: (scope) => {
        // Without a login, clients should print the message of the response, which says to log in.
        const isNarrow = principal.token && principal.user !== ANONYMOUS && scope;
        return this.challenge(base, scope, isNarrow ? "insufficient_scope" : undefined);
      },
    });
  }

  #storage(actor: () => Author, isHead: boolean, query: URLSearchParams): RegistryStorage {
    const own = new InstanceStorage(this.view, actor, this.config);
    if (!this.#mirror) return own;
    return new MirrorStorage(own, this.#mirror, actor, { isHead, namespace: query.get("ns") ?? undefined });
  }

  /** The WWW-Authenticate header of a 401 response. */
  challenge(base: string, scope?: ChallengeScope, fault?: ChallengeFault): string {
    // If `anon` may read something, clients must be able to get a token with or without a password.
    const byToken = this.#users().reaches(ANONYMOUS, this.#accessPath);
    return challengeOf(byToken ? "Bearer" : "Basic", base, scope, fault);
  }

  /** The part of the requested access that the principal really has. */
  claimsFor(principal: Principal, { repositories, catalog }: RequestedAccess): AccessClaim[] {
    const claims = [...repositories].flatMap(([repository, permissions]): AccessClaim[] => {
      const actions = permissions.filter((permission) => this.#isGranted(principal, permission, repository));
      return actions.length > 0 ? [{ type: "repository", name: repository, actions }] : [];
    });
    // A limited login can't get a token for the catalog, which lists everything that the user may read.
    const mayList = catalog && !principal.limit && this.#mayUseCatalog(principal.user);
    return mayList ? [...claims, CATALOG] : claims;
  }

  /**
   * The user must own the registry: its history has what was deleted, and commits that others may not see. The login may be an
   * API token that is limited to reading, so that what a replica keeps can change nothing here.
   */
  #mayReplicate({ user, token, limit }: Principal): Verdict {
    if (user === ANONYMOUS || token) return "unauthorized";
    const isWithin = !limit || covers(limit.path, this.#accessPath);
    return isWithin && this.#users().allows(user, this.#accessPath, "owner") ? "allowed" : "denied";
  }

  #accessOf(principal: Principal): Access {
    const { user, token } = principal;
    const otherwise: Verdict = user === ANONYMOUS ? "unauthorized" : "denied";
    const check: Access["check"] = (permission, repository) => {
      if (!this.#isGranted(principal, permission, repository)) return otherwise;
      return !token || token.allows(permission, repository) ? "allowed" : "unauthorized";
    };
    return {
      identified: user !== ANONYMOUS || token !== undefined,
      check,
      // Many clients request a token for the target only; they may still mount from what `anon` may read.
      mayMountFrom: (repository) =>
        check("pull", repository) === "allowed" || this.#isGranted(ANYBODY, "pull", repository),
      checkCatalog: () => {
        if (!this.#mayUseCatalog(user)) return otherwise;
        return !token || token.catalog ? "allowed" : "unauthorized";
      },
      isListed: (repository) => this.#isGranted(principal, "pull", repository),
      listedRanges: () => this.#listedRanges(principal),
    };
  }

  /** The names that the principal's grants cover; for a limited login, its limit and the grants of `anon`. */
  #listedRanges({ user, limit }: Principal): NameRange[] {
    const everybody = this.#users().patternsOf(ANONYMOUS, this.#accessPath);
    const patterns = limit ? [limit.path, ...everybody] : this.#users().patternsOf(user, this.#accessPath);
    return mergeRanges(patterns.map(namesUnder));
  }

  #isGranted({ user, limit }: Principal, permission: Permission, repository: RepositoryName): boolean {
    const path = `${this.#accessPath}/${repository}` as AccessPath;
    const role = ROLE_FOR[permission];
    // A limited token also allows what `anon` may do.
    const actor = !limit || (includesRole(limit.role, role) && covers(limit.path, path)) ? user : ANONYMOUS;
    return this.#users().allows(actor, path, role);
  }

  /** Why clients can't push to a repository, in words for them; `undefined` if they can. */
  #pushRefusal(repository: RepositoryName): string | undefined {
    const place = this.config.upstreamMode === "mirror" ? placeFor(this.#places, repository) : undefined;
    if (!place) return undefined;
    return place.prefix === ""
      ? `this registry is a mirror of ${place.upstream}: push there, or to another registry`
      : `the repositories below '${place.prefix}' are a mirror of ${place.upstream}: push there, or under another name`;
  }

  /** Logged-in users may always list repositories; `anon` only if it has a grant in this registry. */
  #mayUseCatalog(user: UserName): boolean {
    return user !== ANONYMOUS || this.#users().reaches(ANONYMOUS, this.#accessPath);
  }
}

/** Why an instance accepts no changes, in words for the client; `undefined` if it does. */
function readOnlyReason(config: InstanceConfig): string | undefined {
  const { at, mode } = config;
  if (at) return `this registry is read-only: it serves the state at the commit ${at}`;
  if (mode === "read-only") return "this registry is read-only for now: its administrator accepts no changes";
  return replicaReason(config);
}
