import { parseAccessPath } from "../../../primitives/users/access-path.ts";
import { ROLES } from "../../../primitives/users/role.ts";
import type { Reason } from "../../../primitives/users/user-directory.ts";
import { LOGIN, PATH, readLogin } from "./access-words.ts";
import type { Command } from "./command.ts";
import { ConsoleError } from "./console-error.ts";

export const ACCESS_COMMANDS: readonly Command[] = [
  {
    scope: "access",
    verb: "check",
    parameters: [LOGIN, PATH],
    summary: "tell what a user may do on a registry or repository, and which grant decides",
    example: "/access check alice http/oci/default/team/app",
    adminOnly: true,
    run([login = "", pathText = ""], { users }) {
      const { name, isDisabled } = users.existing(readLogin(login));
      const path = parseAccessPath(pathText);
      if (!path) {
        throw new ConsoleError(
          `'${pathText}' is not the path of one registry or repository, such as http/oci/default/team/app`,
        );
      }
      const records = ROLES.map((role) => {
        const reason = users.directory.reasonFor(name, path, role);
        return {
          login: name,
          path,
          role,
          isAllowed: reason !== undefined,
          reason: describe(reason, isDisabled),
        };
      });
      const verbs = { reader: "pull", writer: "push", owner: "delete" };
      return {
        lines: records.map(
          ({ role, isAllowed, reason }) => `${verbs[role]}: ${isAllowed ? "yes" : "no"}, ${reason}`,
        ),
        records,
      };
    },
  },
];

function describe(reason: Reason | undefined, isDisabled: boolean): string {
  if (isDisabled) return "the user is disabled";
  if (!reason) return "no grant of its own, of its groups or of anon covers it";
  if (reason.kind === "namesake") return "the registry bears the user's name";
  const { grant, holder } = reason;
  return `${holder} is granted ${grant.role} on ${grant.path}`;
}
