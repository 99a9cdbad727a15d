import { parse, TomlError } from "smol-toml";
import { plainText } from "../../primitives/text/records.ts";
import type { Grant } from "../../primitives/users/access-file.ts";
import { type GroupName, parseGroupName } from "../../primitives/users/group.ts";
import { foreignHashFault } from "../../primitives/users/passwords.ts";
import { type ParsedKey, parseSshKey } from "../../primitives/users/ssh-key.ts";
import { ANONYMOUS, parseUserName, type UserName } from "../../primitives/users/user.ts";
import { userNameFault } from "../../primitives/users/user-name-fault.ts";
import { type InstanceName, parseInstanceName } from "../oci-http/settings/instance-config.ts";
import {
  ALL_SETTINGS,
  type AnySetting,
  type InstanceValues,
  readSettings,
} from "../oci-http/settings/instance-settings.ts";
import { DocumentLines } from "./document-lines.ts";
import { DocumentTable, InvalidDocumentError, type TableKind } from "./document-table.ts";

/** What is to be so. A property that is `undefined` stays as it is, or has its default for what is new. */
export interface DesiredState {
  readonly users: readonly DesiredUser[];
  readonly groups: readonly DesiredGroup[];
  readonly registries: readonly DesiredRegistry[];
}

export interface DesiredUser {
  readonly name: UserName;
  readonly displayName: string | undefined;
  readonly isDisabled: boolean | undefined;
  /** Argon2id in PHC string format. */
  readonly passwordHash: string | undefined;
  readonly keys: readonly ParsedKey[] | undefined;
  readonly grants: readonly Grant[] | undefined;
}

export interface DesiredGroup {
  readonly name: GroupName;
  readonly members: readonly UserName[] | undefined;
  readonly grants: readonly Grant[] | undefined;
}

export interface DesiredRegistry {
  readonly name: InstanceName;
  readonly settings: Partial<InstanceValues>;
}

const KINDS: readonly TableKind[] = ["user", "group", "registry"];
const USER_KEYS = ["login", "display_name", "disabled", "password_hash", "ssh_keys", "grants"];
const GROUP_KEYS = ["name", "members", "grants"];
const NO_PASSWORD =
  "a document has no passwords; use password_hash, an Argon2id hash, or '/users passwd' afterwards";
const HASH =
  /^\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d{1,2})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$/;
/** Most memory (KiB) and passes of a hash: each login costs them. */
const MAX_MEMORY = 262_144;
const MAX_PASSES = 16;

/** Throws `InvalidDocumentError`, which names the line. */
export function parseDocument(text: string): DesiredState {
  const lines = new DocumentLines(text);
  const document = parseToml(text);
  for (const key of Object.keys(document))
    if (!KINDS.some((kind) => kind === key))
      throw InvalidDocumentError.at(lines.ofKey(key), `unknown key '${key}'; use ${KINDS.join(", ")}`);
  const tables = (kind: TableKind) => {
    const rows = document[kind] ?? [];
    const list: readonly unknown[] = Array.isArray(rows) ? rows : [undefined];
    return list.map((row, i) => new DocumentTable(kind, i, row, lines));
  };
  return {
    users: unique(tables("user"), "login", readUser),
    groups: unique(tables("group"), "name", readGroup),
    registries: unique(tables("registry"), "name", readRegistry),
  };
}

function parseToml(text: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw InvalidDocumentError.at(error.line, error.message.split("\n")[0] ?? "it is no TOML");
  }
}

function unique<T extends { readonly name: string }>(
  tables: readonly DocumentTable[],
  key: string,
  read: (table: DocumentTable) => T,
): T[] {
  const names = new Set<string>();
  return tables.map((table) => {
    const entry = read(table);
    if (names.has(entry.name)) throw table.fault(key, `'${entry.name}' is there twice`);
    names.add(entry.name);
    return entry;
  });
}

function readUser(table: DocumentTable): DesiredUser {
  table.refuseOthers(USER_KEYS, { password: NO_PASSWORD });
  const login = table.text("login") ?? "";
  const name = parseUserName(login);
  if (!name)
    throw table.fault(
      "login",
      login === "" ? "a user needs a login" : `'${login}' is not a login: ${userNameFault(login)}`,
    );
  const user: DesiredUser = {
    name,
    displayName: table.text("display_name"),
    isDisabled: table.flag("disabled"),
    passwordHash: readHash(table),
    keys: table.texts("ssh_keys")?.map((line) => readKey(table, line)),
    grants: table.grants(),
  };
  const others = Object.keys(table.row).find((key) => key !== "login" && key !== "grants");
  if (name === ANONYMOUS && others !== undefined)
    throw table.fault(others, `'${ANONYMOUS}' stands for everybody and has grants alone`);
  return user;
}

function readHash(table: DocumentTable): string | undefined {
  const hash = table.text("password_hash");
  // That of an imported user who has not logged in yet.
  if (hash === undefined || foreignHashFault(hash) === undefined) return hash;
  const [, memory, passes, threads] = hash.match(HASH) ?? [];
  const isCheap =
    Number(memory) <= MAX_MEMORY && Number(passes) <= MAX_PASSES && Number(threads) <= MAX_PASSES;
  if (memory === undefined || !isCheap)
    throw table.fault(
      "password_hash",
      `password_hash is not an Argon2id hash ($argon2id$v=19$m=…,t=…,p=…$…$…) of at most ${MAX_MEMORY} KiB and ${MAX_PASSES} passes`,
    );
  return hash;
}

function readKey(table: DocumentTable, line: string): ParsedKey {
  const key = parseSshKey(line);
  if ("fault" in key) throw table.fault("ssh_keys", key.fault);
  return key;
}

function readGroup(table: DocumentTable): DesiredGroup {
  table.refuseOthers(GROUP_KEYS);
  const text = table.text("name") ?? "";
  const name = parseGroupName(text);
  if (!name)
    throw table.fault("name", text === "" ? "a group needs a name" : `'${text}' is not a group's name`);
  const members = table.texts("members")?.map((login) => {
    const member = parseUserName(login);
    if (!member || member === ANONYMOUS) throw table.fault("members", `'${login}' can't be a member`);
    return member;
  });
  return { name, members: members && [...new Set(members)].sort(), grants: table.grants() };
}

function readRegistry(table: DocumentTable): DesiredRegistry {
  table.refuseOthers(["name", ...ALL_SETTINGS.map(({ key }) => key)]);
  const text = table.text("name") ?? "";
  const name = parseInstanceName(text);
  if (!name)
    throw table.fault("name", text === "" ? "a registry needs a name" : `'${text}' is not a registry's name`);
  const texts = new Map<AnySetting, readonly string[]>();
  const refuse = ({ key, wanted }: AnySetting): never => {
    throw table.fault(key, `'${key}' must be ${wanted}`);
  };
  for (const setting of ALL_SETTINGS) {
    const value = table.row[setting.key];
    if (value === undefined) continue;
    if (value === "" && setting.canBeEmpty && !setting.isList) {
      texts.set(setting, []);
      continue;
    }
    if (Array.isArray(value) !== setting.isList) refuse(setting);
    texts.set(setting, Array.isArray(value) ? value.map(plainText) : [plainText(value)]);
  }
  return { name, settings: readSettings(texts, refuse) };
}
