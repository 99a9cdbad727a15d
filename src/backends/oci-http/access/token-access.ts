import type { Permission } from "../../../registry/model/access.ts";
import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";

/** One resource in a token's claims (Docker's token specification). */
export interface AccessClaim {
  readonly type: "repository" | "registry";
  readonly name: string;
  readonly actions: readonly string[];
}

const PERMISSIONS: readonly Permission[] = ["pull", "push", "delete"];
/** The only resource of type `registry`: the list of repositories. */
export const CATALOG: AccessClaim = { type: "registry", name: "catalog", actions: ["*"] };

/** What a client requests a token for; the permissions on a repository are those of all its scopes. */
export interface RequestedAccess {
  readonly repositories: ReadonlyMap<RepositoryName, readonly Permission[]>;
  readonly catalog: boolean;
}

type RequestedScope =
  | { readonly repository: RepositoryName; readonly permissions: readonly Permission[] }
  | "catalog";

/**
 * Joins the values of all `scope` parameters; each may have several scopes, separated by spaces. Clients name a repository
 * more than once: go-containerregistry adds a scope to those that it has.
 */
export function parseScopes(values: readonly string[]): RequestedAccess {
  const repositories = new Map<RepositoryName, readonly Permission[]>();
  let catalog = false;
  for (const text of values.flatMap((value) => value.split(" "))) {
    const scope = parseScope(text);
    if (scope === "catalog") catalog = true;
    else if (scope) {
      const { repository, permissions } = scope;
      const before = repositories.get(repository) ?? [];
      const union = PERMISSIONS.filter((each) => before.includes(each) || permissions.includes(each));
      repositories.set(repository, union);
    }
  }
  return { repositories, catalog };
}

/** Whether the claims grant less than was requested. */
export function isLess(claims: readonly AccessClaim[], { repositories, catalog }: RequestedAccess): boolean {
  const granted = new TokenAccess(claims);
  const isGranted = ([repository, permissions]: readonly [RepositoryName, readonly Permission[]]) =>
    permissions.every((permission) => granted.allows(permission, repository));
  return (catalog && !granted.catalog) || ![...repositories].every(isGranted);
}

/**
 * Parses `repository:team/app:pull,push` (`*`: all actions) or `registry:catalog:*`. Returns `undefined` for anything else:
 * an unknown scope grants nothing.
 */
function parseScope(text: string): RequestedScope | undefined {
  const [, type, name = "", list = ""] = text.match(/^([a-z]+)(?:\([a-z0-9]+\))?:(.+):([a-z,*]*)$/) ?? [];
  const actions = list.split(",");
  if (type === "registry") return name === CATALOG.name && actions.includes("*") ? "catalog" : undefined;
  const repository = type === "repository" ? parseRepositoryName(name) : undefined;
  if (!repository) return undefined;
  const permissions = PERMISSIONS.filter(
    (permission) => actions.includes("*") || actions.includes(permission),
  );
  return { repository, permissions };
}

/** The access that a token grants. */
export class TokenAccess {
  readonly claims: readonly AccessClaim[];
  readonly catalog: boolean;
  readonly #repositories: ReadonlyMap<string, readonly string[]>;

  /** `claims` come from a token whose signature was verified. */
  constructor(claims: readonly AccessClaim[]) {
    this.claims = claims;
    this.catalog = claims.some(({ type, name }) => type === CATALOG.type && name === CATALOG.name);
    this.#repositories = new Map(
      claims.filter(({ type }) => type === "repository").map(({ name, actions }) => [name, actions]),
    );
  }

  allows(permission: Permission, repository: RepositoryName): boolean {
    return this.#repositories.get(repository)?.includes(permission) ?? false;
  }
}
