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
import { handleRegistryRequest } from "../../../registry/registry.ts";
import { errorResponse, RegistryError } from "../../../registry/requests/errors.ts";
import type { Limits } from "../../../registry/requests/limits.ts";
import type { ChallengeScope, ResponseBodies } from "../../../registry/requests/registry-request.ts";
import type { RequestTrace } from "../../../registry/requests/trace.ts";
import { namesUnder } from "../access/readable-names.ts";
import { type AccessClaim, CATALOG, parseScope, type TokenAccess } from "../access/token-access.ts";
import { damageOf } from "../content/damage.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import { InstanceStorage } from "../store/instance-storage.ts";
import type { StoreView } from "../store/store-view.ts";
import { type ChallengeFault, challengeOf } from "./challenge.ts";

/** Who is asking: a user by password, or by a token that opens no more than it says. */
export interface Principal {
  readonly user: UserName;
  readonly token?: TokenAccess;
  /** Of what the user may do, all that may be done now. */
  readonly limit?: Grant | undefined;
  /** When the login ends, in seconds since the epoch. */
  readonly ends?: number | undefined;
}

/** A request as a frontend hands it on: parsed as far as HTTP goes, and by an authenticated user or `anon`. */
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
  /** Scheme, host and port as the client used them, such as `http://localhost:8080`. */
  readonly origin: string;
}

const DAMAGE_RETRY_SECONDS = "5";
const DAMAGE_MESSAGE =
  "an index of this registry is damaged and is being rebuilt; try again in a few seconds";

const ANYBODY: Principal = { user: ANONYMOUS };
const ROLE_FOR: Readonly<Record<Permission, Role>> = { pull: "reader", push: "writer", delete: "owner" };

/** One registry: the engine over a store, with access by the users' grants on `http/oci/<instance>`. */
export class OciInstance {
  readonly config: InstanceConfig;
  readonly view: StoreView;
  readonly #users: () => UserDirectory;
  readonly #accessPath: AccessPath;
  #underWay = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(config: InstanceConfig, view: StoreView, users: () => UserDirectory) {
    this.config = config;
    this.view = view;
    this.#users = users;
    this.#accessPath = `http/oci/${config.name}` as AccessPath;
  }

  /** For whom this registry's tokens are meant. */
  get audience(): string {
    return this.config.name;
  }

  async handle(incoming: IncomingRequest): Promise<Response> {
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

  /** Resolves once no request is being handled. */
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
    origin,
  }: IncomingRequest): Promise<Response> {
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
      frozenAt: this.config.at,
      storage: new InstanceStorage(this.view, actor, this.config),
      challenge: (scope) => {
        // Without a login the answer's own message, which says to log in, is what clients should print.
        const isNarrow = principal.token && principal.user !== ANONYMOUS && scope;
        return this.challenge(origin, scope, isNarrow ? "insufficient_scope" : undefined);
      },
    });
  }

  /** The WWW-Authenticate header for who is not let in. */
  challenge(origin: string, scope?: ChallengeScope, fault?: ChallengeFault): string {
    // Where anybody may read something, clients must be able to come without a password and with one.
    const byToken = this.#users().reaches(ANONYMOUS, this.#accessPath);
    return challengeOf(byToken ? "Bearer" : "Basic", origin, scope, fault);
  }

  /** Of the scopes that a client asks a token for, what it really has. */
  claimsFor(principal: Principal, scopes: readonly string[]): AccessClaim[] {
    return scopes.flatMap((text): AccessClaim[] => {
      const scope = parseScope(text);
      // The list of repositories shows what the user may read; a limited login must ask for it itself.
      if (scope === "catalog")
        return !principal.limit && this.#mayUseCatalog(principal.user) ? [CATALOG] : [];
      if (!scope) return [];
      const { repository, permissions } = scope;
      const actions = permissions.filter((permission) => this.#isGranted(principal, permission, repository));
      return actions.length > 0 ? [{ type: "repository", name: repository, actions }] : [];
    });
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
      // Many clients ask for a token for the target alone; what anybody may read is no secret to its holder.
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

  /** The names that the principal's grants reach; of a limited login those of its limit, and of everybody's grants. */
  #listedRanges({ user, limit }: Principal): NameRange[] {
    const everybody = this.#users().patternsOf(ANONYMOUS, this.#accessPath);
    const patterns = limit ? [limit.path, ...everybody] : this.#users().patternsOf(user, this.#accessPath);
    return mergeRanges(patterns.map(namesUnder));
  }

  #isGranted({ user, limit }: Principal, permission: Permission, repository: RepositoryName): boolean {
    const path = `${this.#accessPath}/${repository}` as AccessPath;
    const role = ROLE_FOR[permission];
    // What anybody may do, the holder of a limited token may as well.
    const actor = !limit || (includesRole(limit.role, role) && covers(limit.path, path)) ? user : ANONYMOUS;
    return this.#users().allows(actor, path, role);
  }

  /** Whoever is logged in may ask, and sees what there is for them; without a login only where that can be anything. */
  #mayUseCatalog(user: UserName): boolean {
    return user !== ANONYMOUS || this.#users().reaches(ANONYMOUS, this.#accessPath);
  }
}
