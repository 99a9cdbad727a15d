import { parseAccessPath } from "../../../primitives/users/access-path.ts";
import { type AccessRecord, checkAccess } from "../../accounts/access-check.ts";
import { pathWarning } from "../../accounts/path-warning.ts";
import { OWN_LOGIN, PATH, readLogin } from "./access-words.ts";
import type { Command } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { withWarning } from "./outcome.ts";

const VERBS = { reader: "pull", writer: "push", owner: "delete" };

export const ACCESS_COMMANDS: readonly Command[] = [
  {
    scope: "access",
    verb: "check",
    parameters: [OWN_LOGIN, PATH],
    summary:
      "show what you, or as an administrator a user, may do on a registry or repository, and by which grant",
    example: "/access check alice http/oci/default/team/app",
    adminOnly: false,
    run(words, context) {
      const [login = context.actor.user, pathText = ""] = words.length > 1 ? words : [undefined, ...words];
      const name = readLogin(login);
      const path = parseAccessPath(pathText);
      if (!path) {
        throw new ConsoleError(
          `'${pathText}' is not the path of one registry or repository, such as http/oci/default/team/app`,
        );
      }
      const records = checkAccess(context, context.actor, { name, path });
      const result = {
        lines: records.map(
          ({ role, isAllowed, reason }) => `${VERBS[role]}: ${isAllowed ? "yes" : "no"}, ${describe(reason)}`,
        ),
        records: records.map(({ role, isAllowed, reason }) => ({
          login: name,
          path,
          role,
          isAllowed,
          reason: describe(reason),
        })),
      };
      return withWarning(result, pathWarning(context, path));
    },
  },
];

function describe(reason: AccessRecord["reason"]): string {
  switch (reason.kind) {
    case "disabled":
      return "the user is disabled";
    case "not-granted":
      return "no grant of its own, of its groups or of anon covers it";
    case "namesake":
      return "the registry has the user's name";
    case "grant":
      return `${reason.holder} is granted ${reason.grant.role} on ${reason.grant.path}`;
  }
}
