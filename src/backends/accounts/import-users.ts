import { counted } from "../../primitives/text/counted.ts";
import type { Grant } from "../../primitives/users/access-file.ts";
import type { AccessPattern } from "../../primitives/users/access-path.ts";
import { foreignHashFault } from "../../primitives/users/passwords.ts";
import type { Role } from "../../primitives/users/role.ts";
import { isReservedName, parseUserName, type User, type UserName } from "../../primitives/users/user.ts";
import { userNameFault } from "../../primitives/users/user-name-fault.ts";
import type { UserRegistry } from "../../primitives/users/user-registry.ts";
import { type Actor, requireAdministrator } from "../actor.ts";
import { isNamesake } from "../namesakes.ts";
import { NotFoundError } from "../refusals.ts";

/** A line of an htpasswd file. */
export interface ForeignUser {
  readonly login: string;
  readonly hash: string;
}

export interface ImportedUsers {
  readonly added: readonly string[];
  /** Users that exist here already; their passwords and grants stay as they are. */
  readonly kept: readonly string[];
  readonly untaken: readonly { readonly login: string; readonly reason: string }[];
}

export interface UserImport {
  readonly users: readonly ForeignUser[];
  /** Granted on `registry` to each user that is added. */
  readonly role: Role | undefined;
  readonly registry: string;
  readonly isDryRun: boolean;
}

export interface ImportUserServices {
  readonly users: Pick<UserRegistry, "directory" | "rewrite">;
  readonly instances: { list(): readonly { readonly name: string }[] };
}

/** Adds users with the hashes of their passwords, in one commit; for administrators. Rejects with `NotFoundError`. */
export async function importUsers(
  { users, instances }: ImportUserServices,
  actor: Actor,
  { users: foreign, role, registry, isDryRun }: UserImport,
): Promise<ImportedUsers> {
  requireAdministrator(actor);
  const registries = instances.list();
  if (!registries.some(({ name }) => name === registry)) throw new NotFoundError(`no registry '${registry}'`);
  const grants: readonly Grant[] = role ? [{ path: `http/oci/${registry}` as AccessPattern, role }] : [];
  const untaken: { login: string; reason: string }[] = [];
  const wanted = new Map<UserName, string>();
  const isKnown = (name: UserName) => users.directory.get(name) !== undefined;
  const kept = new Set<UserName>();
  for (const { login, hash } of foreign) {
    const name = parseUserName(login);
    // Whoever is here already has a password of this server, whatever the file has.
    if (name && isKnown(name)) {
      kept.add(name);
      continue;
    }
    const reason = name ? faultOf(name, hash, registries) : `it is no valid login: ${userNameFault(login)}`;
    if (reason !== undefined) untaken.push({ login, reason });
    else if (name) wanted.set(name, hash);
  }
  const added = [...wanted.keys()];
  if (!isDryRun && added.length > 0)
    await users.rewrite(actor.identity, `import ${counted(added.length, "user")}`, (directory) => ({
      users: added.flatMap((name): User[] => {
        const hash = wanted.get(name);
        if (hash === undefined || directory.get(name)) return [];
        return [
          {
            name,
            displayName: name,
            isDisabled: false,
            credentials: [{ kind: "password", hash }],
            grants,
          },
        ];
      }),
      groups: [],
      removedUsers: [],
      removedGroups: [],
    }));
  return { added, kept: [...kept], untaken };
}

function faultOf(
  name: UserName,
  hash: string,
  registries: readonly { readonly name: string }[],
): string | undefined {
  if (isReservedName(name))
    return "the login is reserved: commits by such a user would look like the server's own";
  if (registries.some((registry) => isNamesake(name, registry.name)))
    return `it would own the registry '${name}'; add it with '/users add' if that is meant`;
  const fault = foreignHashFault(hash);
  return fault && `the password ${fault}; set one with 'everlock users add'`;
}
