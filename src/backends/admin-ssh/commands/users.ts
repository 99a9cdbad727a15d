import { grantRole, listGrants, revokeGrant } from "../../accounts/grants.ts";
import { pathWarning } from "../../accounts/path-warning.ts";
import {
  addUser,
  checkNewUser,
  deleteUser,
  listUsers,
  requiresOldPassword,
  setDisabled,
  setDisplayName,
  setPassword,
} from "../../accounts/users.ts";
import {
  LOGIN,
  OWN_LOGIN,
  PATH,
  ROLE,
  readLogin,
  readPath,
  readRole,
  withoutYes,
  YES,
} from "./access-words.ts";
import type { Command, Parameter, UserCommandContext } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { outcome, withWarning } from "./outcome.ts";
import { IF_EXISTS, IF_MISSING } from "./repeat.ts";
import { alignColumns } from "./table.ts";

const PASSWORD: Parameter = { name: "password", optional: true, isSecret: true };
/** Marked as secret, because a user may type a password here by mistake. */
const SURE: Parameter = { name: YES, optional: true, isSecret: true };

export const USER_COMMANDS: readonly Command<UserCommandContext>[] = [
  {
    scope: "users",
    verb: "list",
    parameters: [],
    summary: "list the users with display name and groups",
    example: "/users list --json",
    adminOnly: false,
    run(_args, context) {
      const users = listUsers(context);
      return {
        lines: alignColumns(
          users.map(({ name, displayName, groups, isDisabled }) => [
            name,
            displayName,
            `[${groups.join(", ")}]`,
            ...(isDisabled ? ["disabled"] : []),
          ]),
          context,
        ),
        records: users.map(({ name, ...user }) => ({ login: name, ...user })),
      };
    },
  },
  {
    scope: "users",
    verb: "add",
    parameters: [{ name: "login" }, PASSWORD, SURE],
    summary: "add a user; prompts for the password if it is not given",
    details: ["a user owns the registry of the same name; where there is one, --yes confirms that"],
    example: "/users add alice",
    adminOnly: true,
    isChange: true,
    repeats: [IF_MISSING],
    async run(args, context) {
      const { words, isSure: acceptsNamesake } = withoutYes(args);
      const [login = "", given, ...more] = words;
      if (more.length > 0) throw new ConsoleError(`after the password only ${YES} may follow`);
      const name = readLogin(login);
      checkNewUser(context, context.actor, { name, acceptsNamesake });
      const password = given ?? (await context.askSecret("Password: "));
      await addUser(context, context.actor, { name, acceptsNamesake, password });
      return outcome(`user '${name}' created`, { login: name });
    },
  },
  {
    scope: "users",
    verb: "passwd",
    parameters: [OWN_LOGIN, PASSWORD],
    summary: "change your password, or as an administrator that of a user; prompts for what is not given",
    details: [
      "your own requires the old one, unless an administrator names the user",
      "without a terminal, the old and the new one are lines of standard input",
    ],
    example: "/users passwd alice",
    adminOnly: false,
    isChange: true,
    async run([login, given], context) {
      const { actor, askSecret } = context;
      const named = login === undefined ? undefined : readLogin(login);
      const name = named ?? actor.user;
      const old = requiresOldPassword(context, actor, named)
        ? await askSecret("Old password: ", { isKnown: true })
        : undefined;
      const password = given ?? (await askSecret(old === undefined ? "Password: " : "New password: "));
      await setPassword(context, actor, { name, password, old });
      return outcome(`password updated for '${name}'`, { login: name });
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
    async run([login = "", path = "", role = ""], context) {
      const name = readLogin(login);
      const grant = { path: readPath(path), role: readRole(role) };
      const isNew = await grantRole(context, context.actor, { name, grant });
      const done = `granted ${grant.role} on ${grant.path} to '${name}'`;
      const result = outcome(isNew ? done : `${done} already`, { login: name, ...grant }, isNew);
      return withWarning(result, pathWarning(context, grant.path));
    },
  },
  {
    scope: "users",
    verb: "revoke",
    parameters: [LOGIN, PATH],
    summary: "remove a user's grant on an access path",
    example: "/users revoke alice http/oci/default",
    adminOnly: true,
    isChange: true,
    repeats: [IF_EXISTS],
    async run([login = "", pathText = ""], context) {
      const [name, path] = [readLogin(login), readPath(pathText)];
      await revokeGrant(context, context.actor, { name, path });
      return outcome(`revoked ${path} from '${name}'`, { login: name, path });
    },
  },
  {
    scope: "users",
    verb: "grants",
    parameters: [OWN_LOGIN],
    summary: "list your grants, or those of a user",
    example: "/users grants alice",
    adminOnly: false,
    run([login], context) {
      const name = readLogin(login ?? context.actor.user);
      const { namesakeOf, own, byGroup } = listGrants(context, name);
      const owned = namesakeOf === undefined ? [] : [{ path: namesakeOf, role: "owner", isNamesake: true }];
      return {
        lines: [
          name,
          ...alignColumns(
            [
              ...owned.map(({ path, role }) => [
                `  owns:  ${path}`,
                role,
                "because the registry has its name",
              ]),
              ...own.map(({ path, role }) => [`  grant: ${path}`, role]),
              ...byGroup.map(({ path, role, group }) => [`  grant: ${path}`, role, `by the group ${group}`]),
            ],
            context,
          ),
        ],
        records: [...owned, ...own, ...byGroup].map((grant) => ({ login: name, ...grant })),
      };
    },
  },
  {
    scope: "users",
    verb: "disable",
    parameters: [LOGIN],
    summary: "block a user's logins at once; its content and grants are kept",
    example: "/users disable alice",
    adminOnly: true,
    isChange: true,
    async run([login = ""], context) {
      const name = readLogin(login);
      const isNew = await setDisabled(context, context.actor, { name, isDisabled: true });
      return outcome(`user '${name}' ${isNew ? "disabled" : "is disabled already"}`, { login: name }, isNew);
    },
  },
  {
    scope: "users",
    verb: "enable",
    parameters: [LOGIN],
    summary: "enable a disabled user again",
    example: "/users enable alice",
    adminOnly: true,
    isChange: true,
    async run([login = ""], context) {
      const name = readLogin(login);
      const isNew = await setDisabled(context, context.actor, { name, isDisabled: false });
      return outcome(`user '${name}' ${isNew ? "enabled" : "is enabled already"}`, { login: name }, isNew);
    },
  },
  {
    scope: "users",
    verb: "delete",
    parameters: [LOGIN],
    summary: "delete a user with its grants; its pushed content and its name in the history are kept",
    example: "/users delete alice",
    adminOnly: true,
    isChange: true,
    repeats: [IF_EXISTS],
    async run([login = ""], context) {
      const name = readLogin(login);
      await deleteUser(context, context.actor, name);
      return outcome(`user '${name}' deleted`, { login: name });
    },
  },
  {
    scope: "users",
    verb: "rename-display",
    parameters: [LOGIN, { name: "name" }],
    summary: "change a user's display name; the login stays the same",
    example: '/users rename-display alice "Alice Liddell"',
    adminOnly: true,
    isChange: true,
    async run([login = "", displayName = ""], context) {
      const name = readLogin(login);
      const isNew = await setDisplayName(context, context.actor, { name, displayName });
      return outcome(`user '${name}' is shown as '${displayName}'`, { login: name, displayName }, isNew);
    },
  },
];
