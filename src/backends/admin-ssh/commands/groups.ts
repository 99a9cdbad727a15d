import { type GroupName, parseGroupName } from "../../../primitives/users/group.ts";
import {
  addGroup,
  assignMember,
  deleteGroup,
  grantRoleToGroup,
  listGroups,
  revokeGrantOfGroup,
  unassignMember,
} from "../../accounts/groups.ts";
import { pathWarning } from "../../accounts/path-warning.ts";
import { LOGIN, PATH, ROLE, readLogin, readPath, readRole } from "./access-words.ts";
import type { Command, Parameter } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { outcome, withWarning } from "./outcome.ts";
import { IF_EXISTS, IF_MISSING } from "./repeat.ts";
import { alignColumns } from "./table.ts";

const GROUP: Parameter = {
  name: "group",
  candidates: (names) => names.groups(),
};

export const GROUP_COMMANDS: readonly Command[] = [
  {
    scope: "groups",
    verb: "list",
    parameters: [],
    summary: "list the groups with their members and grants",
    example: "/groups list",
    adminOnly: false,
    run(_args, context) {
      const records = listGroups(context);
      const lines = records.flatMap(({ name, members, grants }) => [
        `${name} [${members.join(", ")}]`,
        ...alignColumns(
          grants.map(({ path, role }) => [`  grant: ${path}`, role]),
          context,
        ),
      ]);
      return { lines: lines.length > 0 ? lines : ["no groups"], records };
    },
  },
  {
    scope: "groups",
    verb: "add",
    parameters: [{ name: "name" }],
    summary: "add a group without members",
    example: "/groups add developers",
    adminOnly: true,
    isChange: true,
    repeats: [IF_MISSING],
    async run([text = ""], context) {
      const name = readGroup(text);
      await addGroup(context, context.actor, name);
      return outcome(`group '${name}' created`, { group: name });
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
    repeats: [IF_EXISTS],
    async run([text = ""], context) {
      const name = readGroup(text);
      await deleteGroup(context, context.actor, name);
      return outcome(`group '${name}' deleted`, { group: name });
    },
  },
  {
    scope: "groups",
    verb: "assign",
    parameters: [GROUP, LOGIN],
    summary: "add a user to a group",
    example: "/groups assign developers alice",
    adminOnly: true,
    isChange: true,
    async run([text = "", login = ""], context) {
      const [group, member] = [readGroup(text), readLogin(login)];
      const isNew = await assignMember(context, context.actor, { group, member });
      const done = `'${member}' is in the group '${group}'`;
      return outcome(isNew ? done : `${done} already`, { group, login: member }, isNew);
    },
  },
  {
    scope: "groups",
    verb: "unassign",
    parameters: [GROUP, LOGIN],
    summary: "remove a user from a group",
    example: "/groups unassign developers alice",
    adminOnly: true,
    isChange: true,
    repeats: [IF_EXISTS],
    async run([text = "", login = ""], context) {
      const [group, member] = [readGroup(text), readLogin(login)];
      await unassignMember(context, context.actor, { group, member });
      return outcome(`'${member}' is no longer in the group '${group}'`, { group, login: member });
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
    async run([text = "", path = "", role = ""], context) {
      const group = readGroup(text);
      const grant = { path: readPath(path), role: readRole(role) };
      const isNew = await grantRoleToGroup(context, context.actor, { group, grant });
      const done = `granted ${grant.role} on ${grant.path} to the group '${group}'`;
      const result = outcome(isNew ? done : `${done} already`, { group, ...grant }, isNew);
      return withWarning(result, pathWarning(context, grant.path));
    },
  },
  {
    scope: "groups",
    verb: "revoke",
    parameters: [GROUP, PATH],
    summary: "remove a group's grant on an access path",
    example: "/groups revoke developers http/oci/default/team/**",
    adminOnly: true,
    isChange: true,
    repeats: [IF_EXISTS],
    async run([text = "", pathText = ""], context) {
      const [group, path] = [readGroup(text), readPath(pathText)];
      await revokeGrantOfGroup(context, context.actor, { group, path });
      return outcome(`revoked ${path} from the group '${group}'`, { group, path });
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
