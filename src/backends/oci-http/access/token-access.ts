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

/** A scope that a client requests a token for. */
export type RequestedScope =
  | { readonly repository: RepositoryName; readonly permissions: readonly Permission[] }
  | "catalog";

/**
 * Parses `repository:team/app:pull,push` (`*`: all actions) or `registry:catalog:*`. Returns `undefined` for anything else:
 * an unknown scope grants nothing.
 */
export function parseScope(text: string): RequestedScope | undefined {
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
  readonly catalog: boolean;
  readonly #repositories: ReadonlyMap<string, readonly string[]>;

  /** `claims` come from a token whose signature was verified. */
  constructor(claims: readonly AccessClaim[]) {
    this.catalog = claims.some(({ type, name }) => type === CATALOG.type && name === CATALOG.name);
    this.#repositories = new Map(
      claims.filter(({ type }) => type === "repository").map(({ name, actions }) => [name, actions]),
    );
  }

  allows(permission: Permission, repository: RepositoryName): boolean {
    return this.#repositories.get(repository)?.includes(permission) ?? false;
  }
}
