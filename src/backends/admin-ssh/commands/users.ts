import { passwordFault } from "../../../primitives/users/passwords.ts";
import type { UserName } from "../../../primitives/users/user.ts";
import { isNamesake, namesakes, namesakeWarning } from "../../namesakes.ts";
import { LOGIN, PATH, ROLE, readLogin, readPath, readRole, withoutYes, YES } from "./access-words.ts";
import { alignColumns, type Command, type Parameter, type UserCommandContext } from "./command.ts";
import { ConsoleError } from "./console-error.ts";

const MAX_DISPLAY_NAME = 100;
const PASSWORD: Parameter = { name: "password", optional: true, isSecret: true };
/** Secret as well: a password may stand in its place by mistake. */
const SURE: Parameter = { name: YES, optional: true, isSecret: true };

export const USER_COMMANDS: readonly Command<UserCommandContext>[] = [
  {
    scope: "users",
    verb: "list",
    parameters: [],
    summary: "list the users with display name and groups",
    example: "/users list --json",
    adminOnly: false,
    run(_args, { users }) {
      const list = users.directory.list();
      const groupsOf = (name: UserName) => users.directory.groupsOf(name).map((group) => group.name);
      return {
        lines: alignColumns(
          list.map(({ name, displayName, isDisabled }) => [
            name,
            displayName,
            `[${groupsOf(name).join(", ")}]`,
            ...(isDisabled ? ["disabled"] : []),
          ]),
        ),
        records: list.map(({ name, displayName, isDisabled }) => ({
          login: name,
          displayName,
          groups: groupsOf(name),
          isDisabled,
        })),
      };
    },
  },
  {
    scope: "users",
    verb: "add",
    parameters: [{ name: "login" }, PASSWORD, SURE],
    summary: "add a user; without a password it is asked for",
    details: ["a user owns the registry that bears its name; where there is one, --yes confirms that"],
    example: "/users add alice",
    adminOnly: true,
    isChange: true,
    async run(args, context) {
      const { words, isSure } = withoutYes(args);
      const [login = "", password, ...more] = words;
      if (more.length > 0) throw new ConsoleError(`after the password only ${YES} may follow`);
      const name = readLogin(login);
      if (context.users.directory.get(name)) throw new ConsoleError(`user '${name}' exists already`);
      const isOwner = context.instances.list().some((registry) => isNamesake(name, registry.name));
      if (isOwner && !isSure) throw new ConsoleError(namesakeWarning(name, "user"));
      await context.users.add(context.actor, name, await readPassword(password, context));
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
    isChange: true,
    async run([login = "", password], context) {
      const { name } = context.users.existing(readLogin(login));
      await context.users.setPassword(context.actor, name, await readPassword(password, context));
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
    isChange: true,
    async run([login = "", path = "", role = ""], { users, actor }) {
      const { name } = users.existing(readLogin(login));
      const grant = { path: readPath(path), role: readRole(role) };
      await users.grant(actor, name, grant.path, grant.role);
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
    isChange: true,
    async run([login = "", path = ""], { users, actor }) {
      const { name } = users.existing(readLogin(login));
      const revoked = readPath(path);
      await users.revoke(actor, name, revoked);
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
    run([login = ""], { users, instances }) {
      const { name, grants } = users.existing(readLogin(login));
      const own = namesakes(users.directory, instances.list())
        .filter((owner) => owner === name)
        .map((owner) => ({ path: `http/oci/${owner}`, role: "owner", isNamesake: true }));
      const byGroup = users.directory
        .groupsOf(name)
        .flatMap((group) => group.grants.map((grant) => ({ ...grant, group: group.name })));
      return {
        lines: [
          name,
          ...alignColumns([
            ...own.map(({ path, role }) => [`  owns:  ${path}`, role, "because the registry bears its name"]),
            ...grants.map(({ path, role }) => [`  grant: ${path}`, role]),
            ...byGroup.map(({ path, role, group }) => [`  grant: ${path}`, role, `by the group ${group}`]),
          ]),
        ],
        records: [...own, ...grants, ...byGroup].map((grant) => ({ login: name, ...grant })),
      };
    },
  },
  {
    scope: "users",
    verb: "disable",
    parameters: [LOGIN],
    summary: "shut a user out at once; nothing of it is lost",
    example: "/users disable alice",
    adminOnly: true,
    isChange: true,
    async run([login = ""], { users, actor }) {
      const { name } = users.existing(readLogin(login));
      await users.setDisabled(actor, name, true);
      return [`user '${name}' disabled`];
    },
  },
  {
    scope: "users",
    verb: "enable",
    parameters: [LOGIN],
    summary: "let a disabled user in again",
    example: "/users enable alice",
    adminOnly: true,
    isChange: true,
    async run([login = ""], { users, actor }) {
      const { name } = users.existing(readLogin(login));
      await users.setDisabled(actor, name, false);
      return [`user '${name}' enabled`];
    },
  },
  {
    scope: "users",
    verb: "delete",
    parameters: [LOGIN],
    summary: "delete a user with its grants; what it pushed stays, and its name in the history",
    example: "/users delete alice",
    adminOnly: true,
    isChange: true,
    async run([login = ""], { users, actor }) {
      const { name } = users.existing(readLogin(login));
      await users.delete(actor, name);
      return [`user '${name}' deleted`];
    },
  },
  {
    scope: "users",
    verb: "rename-display",
    parameters: [LOGIN, { name: "name" }],
    summary: "change the name that a user is shown by; the login stays",
    example: '/users rename-display alice "Alice Liddell"',
    adminOnly: true,
    isChange: true,
    async run([login = "", displayName = ""], { users, actor }) {
      const { name } = users.existing(readLogin(login));
      if (displayName.trim() === "" || displayName.length > MAX_DISPLAY_NAME) {
        throw new ConsoleError(`a display name has 1 to ${MAX_DISPLAY_NAME} characters`);
      }
      await users.setDisplayName(actor, name, displayName);
      return [`user '${name}' is shown as '${displayName}'`];
    },
  },
];

async function readPassword(given: string | undefined, context: UserCommandContext): Promise<string> {
  const password = given ?? (await context.askSecret("Password: "));
  const fault = passwordFault(password);
  if (fault) throw new ConsoleError(fault);
  return password;
}
