import { type AccessPattern, parseAccessPattern } from "../../../primitives/users/access-path.ts";
import { passwordFault } from "../../../primitives/users/passwords.ts";
import { parseRole, ROLES, type Role } from "../../../primitives/users/role.ts";
import { parseUserName, type UserName } from "../../../primitives/users/user.ts";
import { identityOf } from "../../../primitives/users/user-registry.ts";
import { alignColumns, type Command, type CommandContext, ConsoleError, type Parameter } from "../command.ts";

const LOGIN: Parameter = {
  name: "login",
  candidates: ({ users }) => users.directory.list().map((user) => user.name),
};
const PATH: Parameter = {
  name: "path",
  candidates: ({ instances }) => instances.list().map((instance) => `http/oci/${instance.name}`),
};
const ROLE: Parameter = { name: "role", candidates: () => ROLES };
const PASSWORD: Parameter = { name: "password", optional: true };

export const USER_COMMANDS: readonly Command[] = [
  {
    scope: "users",
    verb: "list",
    parameters: [],
    summary: "list the users with display name and groups",
    adminOnly: false,
    run(_args, { users }) {
      const list = users.directory.list();
      return {
        lines: alignColumns(list.map((user) => [user.name, user.displayName, "[]"])),
        records: list.map(({ name, displayName }) => ({ login: name, displayName, groups: [] })),
      };
    },
  },
  {
    scope: "users",
    verb: "add",
    parameters: [{ name: "login" }, PASSWORD],
    summary: "add a user; without a password it is asked for",
    example: "/users add alice",
    adminOnly: true,
    async run([login = "", password], context) {
      const name = readLogin(login);
      if (context.users.directory.get(name)) throw new ConsoleError(`user '${name}' exists already`);
      await context.users.add(identityOf(context.user), name, await readPassword(password, context));
      return [`user '${name}' created`];
    },
  },
  {
    scope: "users",
    verb: "passwd",
    parameters: [LOGIN, PASSWORD],
    summary: "change a user's password; without one it is asked for",
    example: "/users passwd alice",
    adminOnly: true,
    async run([login = "", password], context) {
      const { name } = context.users.existing(readLogin(login));
      await context.users.setPassword(identityOf(context.user), name, await readPassword(password, context));
      return [`password updated for '${name}'`];
    },
  },
  {
    scope: "users",
    verb: "grant",
    parameters: [LOGIN, PATH, ROLE],
    summary: "give a user (or anon: everybody) a role on an access path",
    example: "/users grant alice http/oci/default writer",
    adminOnly: true,
    async run([login = "", path = "", role = ""], { users, user }) {
      const { name } = users.existing(readLogin(login));
      const grant = { path: readPath(path), role: readRole(role) };
      await users.grant(identityOf(user), name, grant.path, grant.role);
      return [`granted ${grant.role} on ${grant.path} to '${name}'`];
    },
  },
  {
    scope: "users",
    verb: "revoke",
    parameters: [LOGIN, PATH],
    summary: "take back what a user was granted on an access path",
    example: "/users revoke alice http/oci/default",
    adminOnly: true,
    async run([login = "", path = ""], { users, user }) {
      const { name } = users.existing(readLogin(login));
      const revoked = readPath(path);
      await users.revoke(identityOf(user), name, revoked);
      return [`revoked ${revoked} from '${name}'`];
    },
  },
  {
    scope: "users",
    verb: "grants",
    parameters: [LOGIN],
    summary: "list what a user is granted",
    example: "/users grants alice",
    adminOnly: false,
    run([login = ""], { users }) {
      const { name, grants } = users.existing(readLogin(login));
      return {
        lines: [name, ...alignColumns(grants.map(({ path, role }) => [`  grant: ${path}`, role]))],
        records: grants.map(({ path, role }) => ({ login: name, path, role })),
      };
    },
  },
];

function readLogin(text: string): UserName {
  const name = parseUserName(text);
  if (name) return name;
  throw new ConsoleError(
    `'${text}' is not a login; use up to 64 lower-case letters, digits and single '.', '_', '-' between them`,
  );
}

function readPath(text: string): AccessPattern {
  const path = parseAccessPattern(text);
  if (path) return path;
  throw new ConsoleError(
    `'${text}' is not an access path; use frontend/backend/namespace, such as http/oci/default`,
  );
}

function readRole(text: string): Role {
  const role = parseRole(text);
  if (role) return role;
  throw new ConsoleError(`'${text}' is not a role; use one of ${ROLES.join(", ")}`);
}

async function readPassword(given: string | undefined, context: CommandContext): Promise<string> {
  const password = given ?? (await context.askSecret("Password: "));
  const fault = passwordFault(password);
  if (fault) throw new ConsoleError(fault);
  return password;
}
