import { type GroupName, parseGroupName } from "../../../primitives/users/group.ts";
import { LOGIN, PATH, ROLE, readLogin, readPath, readRole } from "./access-words.ts";
import { alignColumns, type Command, type Parameter } from "./command.ts";
import { ConsoleError } from "./console-error.ts";

const GROUP: Parameter = {
  name: "group",
  candidates: ({ users }) => users.directory.groups().map((group) => group.name),
};

export const GROUP_COMMANDS: readonly Command[] = [
  {
    scope: "groups",
    verb: "list",
    parameters: [],
    summary: "list the groups with their members and grants",
    example: "/groups list",
    adminOnly: false,
    run(_args, { users }) {
      const records = users.directory.groups();
      const lines = records.flatMap(({ name, members, grants }) => [
        `${name} [${members.join(", ")}]`,
        ...alignColumns(grants.map(({ path, role }) => [`  grant: ${path}`, role])),
      ]);
      return { lines: lines.length > 0 ? lines : ["no groups"], records };
    },
  },
  {
    scope: "groups",
    verb: "add",
    parameters: [{ name: "name" }],
    summary: "add a group, of nobody yet",
    example: "/groups add developers",
    adminOnly: true,
    isChange: true,
    async run([text = ""], { users, actor }) {
      const name = readGroup(text);
      await users.addGroup(actor, name);
      return [`group '${name}' created`];
    },
  },
  {
    scope: "groups",
    verb: "delete",
    parameters: [GROUP],
    summary: "delete a group with its grants; its members stay",
    example: "/groups delete developers",
    adminOnly: true,
    isChange: true,
    async run([text = ""], { users, actor }) {
      const { name } = users.existingGroup(readGroup(text));
      await users.deleteGroup(actor, name);
      return [`group '${name}' deleted`];
    },
  },
  {
    scope: "groups",
    verb: "assign",
    parameters: [GROUP, LOGIN],
    summary: "put a user into a group",
    example: "/groups assign developers alice",
    adminOnly: true,
    isChange: true,
    async run([text = "", login = ""], { users, actor }) {
      const { name } = users.existingGroup(readGroup(text));
      const member = readLogin(login);
      await users.assign(actor, name, member);
      return [`'${member}' is in the group '${name}'`];
    },
  },
  {
    scope: "groups",
    verb: "unassign",
    parameters: [GROUP, LOGIN],
    summary: "take a user out of a group",
    example: "/groups unassign developers alice",
    adminOnly: true,
    isChange: true,
    async run([text = "", login = ""], { users, actor }) {
      const { name } = users.existingGroup(readGroup(text));
      const member = readLogin(login);
      await users.unassign(actor, name, member);
      return [`'${member}' is no longer in the group '${name}'`];
    },
  },
  {
    scope: "groups",
    verb: "grant",
    parameters: [GROUP, PATH, ROLE],
    summary: "give all members of a group a role on an access path",
    example: "/groups grant developers http/oci/default/team/** writer",
    adminOnly: true,
    isChange: true,
    async run([text = "", pathText = "", roleText = ""], { users, actor }) {
      const { name } = users.existingGroup(readGroup(text));
      const [path, role] = [readPath(pathText), readRole(roleText)];
      await users.grantGroup(actor, name, path, role);
      return [`granted ${role} on ${path} to the group '${name}'`];
    },
  },
  {
    scope: "groups",
    verb: "revoke",
    parameters: [GROUP, PATH],
    summary: "take back what a group was granted on an access path",
    example: "/groups revoke developers http/oci/default/team/**",
    adminOnly: true,
    isChange: true,
    async run([text = "", pathText = ""], { users, actor }) {
      const { name } = users.existingGroup(readGroup(text));
      const path = readPath(pathText);
      await users.revokeGroup(actor, name, path);
      return [`revoked ${path} from the group '${name}'`];
    },
  },
];

function readGroup(text: string): GroupName {
  const name = parseGroupName(text);
  if (name) return name;
  throw new ConsoleError(
    `'${text}' is not a group's name; use up to 64 lower-case letters, digits and single '.', '_', '-' between them`,
  );
}
