import { readFileSync, statSync } from "node:fs";
import {
  type ForeignUser,
  type ImportedUsers,
  importUsers,
  type UserImport,
} from "../backends/accounts/import-users.ts";
import { MACHINE_ACTOR } from "../backends/actor.ts";
import {
  INSTANCES_PATH,
  parseInstances,
  SYSTEM_STORE,
} from "../backends/oci-http/settings/instance-config.ts";
import { UsageError } from "../config/settings.ts";
import { importRemoteUsers } from "../frontends/control/import-client.ts";
import { messageOf } from "../primitives/expected-error.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import { counted } from "../primitives/text/counted.ts";
import { visibleText } from "../primitives/text/visible-text.ts";
import { USERS_STORE, UserRegistry } from "../primitives/users/user-registry.ts";
import { serverDirectory } from "./data-directory-args.ts";
import { IMPORT_USAGE, type ImportRequest } from "./import-request.ts";
import { openOffline } from "./offline-storage.ts";

/** Of an htpasswd file: far more than the users of a registry. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Adds the users of an htpasswd file; returns how many could not be taken. */
export async function importUserFile(request: ImportRequest, path: string): Promise<number> {
  const { role, to: registry, isDryRun } = request;
  const wanted = { users: usersIn(path), role, registry, isDryRun };
  const { added, kept, untaken } = await importInto(request, wanted);
  const grant = role === undefined ? "" : `, each ${role} of ${registry}`;
  const would = isDryRun ? "would be added" : "added";
  print(
    `${counted(added.length, "user")} ${would}${grant}; ${counted(kept.length, "was", "were")} there already`,
  );
  for (const { login, reason } of untaken) print(`the user '${login}' was not imported: ${reason}`);
  if (added.length > 0 && role === undefined && !isDryRun)
    print(
      "these users may do nothing yet: grant them roles with 'everlock users grant', or import with --role",
    );
  return untaken.length;
}

async function importInto({ config }: ImportRequest, wanted: UserImport): Promise<ImportedUsers> {
  const directory = serverDirectory(config, IMPORT_USAGE);
  const remote = directory === undefined ? undefined : await importRemoteUsers(directory, wanted);
  if (remote) return remote;
  await using undo = new AsyncDisposableStack();
  const { stores } = undo.use(await openOffline(config, IMPORT_USAGE));
  const store = await stores.open(USERS_STORE);
  undo.defer(() => store.close());
  const users = await UserRegistry.load(store, consoleLogger.warn);
  const system = await stores.open(SYSTEM_STORE);
  undo.defer(() => system.close());
  const bytes = await system.read(INSTANCES_PATH);
  const stored = bytes && parseInstances(bytes);
  const registries = config.instances ? config.instances(stored) : (stored ?? []);
  return await importUsers({ users, instances: { list: () => registries } }, MACHINE_ACTOR, wanted);
}

/** Lines such as `alice:$2y$05$…`; comments and blank lines are left out. Throws `UsageError`. */
function usersIn(path: string): ForeignUser[] {
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) throw new UsageError(`--users: ${path} has ${size} bytes, and is no htpasswd file`);
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--users: ${path} can't be read: ${messageOf(error)}`);
  }
  const lines = text.split("\n").map((line) => line.trim());
  return lines.flatMap((line, i) => {
    if (line === "" || line.startsWith("#")) return [];
    const colon = line.indexOf(":");
    if (colon <= 0) throw new UsageError(`--users: line ${i + 1} of ${path} is not <login>:<hash>`);
    return { login: line.slice(0, colon), hash: line.slice(colon + 1).split(":")[0] ?? "" };
  });
}

function print(text: string): void {
  process.stdout.write(`${visibleText(text)}\n`);
}
