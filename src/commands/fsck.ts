import { type ArgsDef, defineCommand } from "citty";
import { checkDatabases } from "../backends/oci-http/upkeep/database-check.ts";
import { checkBlobs } from "../backends/oci-http/upkeep/store-check.ts";
import { failureOf } from "../primitives/errors/failure.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import { SessionCounts } from "../primitives/store/blobs/session-counts.ts";
import { LocalUploadLocks } from "../primitives/store/blobs/upload-locks.ts";
import { localStores } from "../primitives/store/open-engine.ts";
import type { StoreManager, StoreName } from "../primitives/store/store-manager.ts";
import { visibleText } from "../primitives/text/visible-text.ts";
import { chooseStores } from "./choose-store.ts";
import { CommandError } from "./command-error.ts";
import { acquireDataDirectory, DATA_DIRECTORY_ARGS } from "./data-directory-args.ts";

const ARGS: ArgsDef = {
  store: { type: "positional", required: false, description: "store to check (default: all)" },
  ...DATA_DIRECTORY_ARGS,
};

const USAGE = "use: everlock fsck [<store>] [--data-dir <dir>]";

export const fsck = defineCommand({
  meta: {
    name: "fsck",
    description:
      "Check every object, blob and index while no server runs; exits with 1 if anything is damaged",
  },
  args: ARGS,
  async run({ rawArgs }) {
    const [first = ""] = rawArgs;
    const named = first !== "" && !first.startsWith("-");
    await using undo = new AsyncDisposableStack();
    const directory = acquireDataDirectory(named ? rawArgs.slice(1) : rawArgs, USAGE);
    undo.defer(() => directory.release());
    const manager = localStores(directory.path, consoleLogger);
    let damaged = 0;
    for (const name of chooseStores(await manager.list(), named ? first : undefined))
      damaged += await check(manager, name);
    if (damaged > 0) throw new CommandError(`${damaged} ${damaged === 1 ? "problem" : "problems"} found`);
  },
});

/** Prints the problems of one store and returns their number. */
async function check(manager: StoreManager, name: StoreName): Promise<number> {
  const print = (line: string) => process.stdout.write(`${visibleText(`${name}: ${line}`)}\n`);
  try {
    const { problems, counts } = await inspect(manager, name);
    for (const problem of problems) print(problem);
    const verdict = problems.length === 0 ? "no damage" : `${problems.length} damaged or missing`;
    print(`${counts.join(", ")}: ${verdict}`);
    return problems.length;
  } catch (error) {
    const { kind, detail } = failureOf(error);
    if (kind === "bug") throw error;
    // The other stores are still checked.
    print(`can't be opened: ${detail}`);
    return 1;
  }
}

/** Compares databases as they are on disk: opening them in the usual way would rebuild or update them. */
async function inspect(manager: StoreManager, name: StoreName) {
  const store = await manager.open(name);
  try {
    const objects = await store.checkObjects();
    const counts = [`${objects.commits} commits`, `${objects.objects} objects`];
    if (!(await manager.hasContent(name))) return { problems: objects.problems, counts };
    // Damaged objects can't tell which blobs are needed and what the index should contain.
    if (objects.problems.length > 0)
      return { problems: objects.problems, counts: [...counts, "blobs unchecked"] };
    const { blobs } = await manager.openContent(name, {
      onDamage: () => undefined,
      locks: new LocalUploadLocks(),
      sessions: new SessionCounts(),
      isOwner: false,
    });
    const content = await checkBlobs({ store, blobs }, { setsAside: false, step: async () => true });
    const problems = [
      ...content.problems,
      ...(await checkDatabases(manager.directory(name), store)),
      ...(await manager.checkLinks(name)),
    ];
    return { problems, counts: [...counts, `${content.blobs} blobs`] };
  } finally {
    await store.close();
  }
}
