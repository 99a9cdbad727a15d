import type { Grant } from "../../src/primitives/users/access-file.ts";
import type { AccessPattern } from "../../src/primitives/users/access-path.ts";
import type { Group, GroupName } from "../../src/primitives/users/group.ts";
import type { Role } from "../../src/primitives/users/role.ts";
import type { User, UserName } from "../../src/primitives/users/user.ts";

/** Grants written as `http/oci/default reader`. */
function grants(texts: readonly string[]): Grant[] {
  return texts.map((text) => {
    const [path, role] = text.split(" ");
    return { path: path as AccessPattern, role: role as Role };
  });
}

function user(name: string, ...texts: readonly string[]): User {
  return {
    name: name as UserName,
    displayName: name,
    isDisabled: name === "disabled",
    credentials: [],
    grants: grants(texts),
  };
}

function group(name: string, members: readonly string[], ...texts: readonly string[]): Group {
  return { name: name as GroupName, members: members as readonly UserName[], grants: grants(texts) };
}

export const USERS: readonly User[] = [
  user("anon", "http/oci/default/public/** reader"),
  user("nobody"),
  user("reader", "http/oci/default reader"),
  user("narrow", "http/oci/default/team/app writer"),
  user("one", "http/oci/default/team/* writer", "http/oci/default/team reader"),
  user("deep", "http/oci/default/team/** owner"),
  user("middle", "http/oci/default/**/app owner"),
  user("member"),
  user("mixed", "http/oci/default/team/app reader"),
  user("everywhere", "*/*/* reader"),
  user("root", "*/*/* owner"),
  user("disabled", "*/*/* owner"),
  user("other"),
];

export const GROUPS: readonly Group[] = [
  group("developers", ["member", "mixed", "disabled"], "http/oci/default/team/** writer"),
  group("operators", ["member"], "http/oci/other owner"),
  group("empty", [], "*/*/* owner"),
];

/** The columns of `TABLE`: instance and repository. */
const REPOSITORIES = [
  "default/app",
  "default/public/app",
  "default/team",
  "default/team/app",
  "default/team/app/x",
  "default/team/lib",
  "default/teams/app",
  "other/app",
] as const;

const TABLE: Readonly<Record<string, string>> = {
  //          app pub team t/a t/a/x t/l teams other
  anon: "      -   r   -    -   -     -   -     -",
  nobody: "    -   r   -    -   -     -   -     -",
  reader: "    r   r   r    r   r     r   r     -",
  narrow: "    -   r   -    w   -     -   -     -",
  one: "       -   r   r    w   -     w   -     -",
  deep: "      -   r   o    o   o     o   -     -",
  middle: "    o   o   -    o   -     -   o     -",
  member: "    -   r   w    w   w     w   -     o",
  mixed: "     -   r   w    w   w     w   -     -",
  everywhere: "r   r   r    r   r     r   r     r",
  root: "      o   o   o    o   o     o   o     o",
  disabled: "  -   -   -    -   -     -   -     -",
  other: "     -   r   -    -   -     -   -     o",
};

export interface Question {
  readonly who: UserName;
  readonly instance: string;
  readonly repository: string;
  readonly role: Role;
  readonly isAllowed: boolean;
}

const ROLES: readonly Role[] = ["reader", "writer", "owner"];

/** One access decision for each row, user and role. */
export const QUESTIONS: readonly Question[] = Object.entries(TABLE).flatMap(([who, text]) =>
  text
    .trim()
    .split(/ +/)
    .flatMap((letter, column) =>
      ROLES.map((role, level) => {
        const [instance = "", ...components] = (REPOSITORIES[column] ?? "").split("/");
        return {
          who: who as UserName,
          instance,
          repository: components.join("/"),
          role,
          isAllowed: level <= "rwo".indexOf(letter),
        };
      }),
    ),
);
