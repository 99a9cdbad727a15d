import { stringify } from "smol-toml";
import { AccessFile, type Grant } from "./access-file.ts";
import { parseUserName, type UserName } from "./user.ts";

/** A lower-case slug, such as `developers`. */
export type GroupName = string & { readonly __brand: "GroupName" };

const MAX_NAME_LENGTH = 64;

export function parseGroupName(text: string): GroupName | undefined {
  const valid = /^[a-z0-9]+([._-][a-z0-9]+)*$/.test(text) && text.length <= MAX_NAME_LENGTH;
  return valid ? (text as GroupName) : undefined;
}

/** Users who share grants. */
export interface Group {
  readonly name: GroupName;
  /** In lexical order. */
  readonly members: readonly UserName[];
  readonly grants: readonly Grant[];
}

export function encodeGroup({ members, grants }: Group): Uint8Array {
  const toml = stringify({ members: [...members], grants: grants.map(({ path, role }) => ({ path, role })) });
  return Buffer.from(toml);
}

/** Throws `InvalidAccessFileError`. */
export function parseGroup(name: GroupName, bytes: Uint8Array): Group {
  const file = new AccessFile(`group '${name}'`, bytes);
  const members = file.texts("members").map((text) => {
    const member = parseUserName(text);
    if (!member) throw file.fault(`member '${text}' is not a login`);
    return member;
  });
  return { name, members: members.sort(), grants: file.grants() };
}
