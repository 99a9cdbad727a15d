import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type ArgsDef, defineCommand } from "citty";
import { InstanceRegistry } from "../backends/oci-http/instances/instance-registry.ts";
import { SYSTEM_STORE } from "../backends/oci-http/settings/instance-config.ts";
import { storeJobs } from "../backends/oci-http/upkeep/store-jobs.ts";
import { resolveServerConfig, type ServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { runRemoteJob } from "../frontends/control/control-client.ts";
import type { ControlMessage } from "../frontends/control/control-messages.ts";
import { IncompleteJobError, JobRunner } from "../primitives/jobs/job-runner.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import { localStores } from "../primitives/store/open-engine.ts";
import { visibleText } from "../primitives/text/visible-text.ts";
import { UserDirectory } from "../primitives/users/user-directory.ts";
import { acquireDataDirectory, DATA_DIRECTORY_ARGS } from "./data-directory-args.ts";

const DRY_RUN = "--dry-run";
const ARGS: ArgsDef = {
  "dry-run": { type: "boolean", description: "only list what would be removed, with sizes" },
  "gc-grace": {
    type: "string",
    description: "keep blobs uploaded within this time",
    valueHint: "duration",
  },
  ...DATA_DIRECTORY_ARGS,
};
const USAGE = "use: everlock gc [--dry-run] [--data-dir <dir>]";
/** This command runs the job once. */
const NOT_SCHEDULED = { gcEvery: undefined, scrubEvery: undefined };

export const gc = defineCommand({
  meta: {
    name: "gc",
    description:
      "Apply the cleanup rules and remove unreferenced blobs, also while the server runs; exits with 1 if a store was skipped",
  },
  args: ARGS,
  async run({ rawArgs }) {
    const isDryRun = rawArgs.includes(DRY_RUN);
    const flags = rawArgs.filter((arg) => arg !== DRY_RUN);
    const config = resolveServerConfig(flags, process.env);
    const dataDir = resolve(config.dataDir);
    if (!existsSync(dataDir))
      throw new UsageError(
        `there is no data directory ${dataDir}; --data-dir <dir> or --config <file> names it; ${USAGE}`,
      );
    if (await runRemoteJob(dataDir, "gc", isDryRun, print)) return;
    await runHere(flags, config, isDryRun);
  },
});

async function runHere(flags: readonly string[], config: ServerConfig, isDryRun: boolean): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const directory = acquireDataDirectory(flags, USAGE);
  undo.defer(() => directory.release());
  const stores = localStores(directory.path, consoleLogger);
  const system = await stores.open(SYSTEM_STORE);
  undo.defer(() => system.close());
  const noUsers = new UserDirectory([]);
  const instances = await InstanceRegistry.open(
    { system, stores, users: () => noUsers, log: consoleLogger },
    config.instances ?? ((stored) => stored ?? []),
  );
  undo.defer(() => instances.close());
  for (const { recency } of instances.stores()) recency.clear();
  const jobs = new JobRunner(
    storeJobs(instances, { ...NOT_SCHEDULED, gcGrace: config.jobs.gcGrace }),
    // The report is printed instead.
    { ...consoleLogger, info: () => undefined },
  );
  const printAll = (lines: readonly string[]) => {
    for (const text of lines) print({ kind: "line", text });
  };
  try {
    printAll(await jobs.run("gc", { isDryRun }, (text) => print({ kind: "progress", text })));
  } catch (error) {
    if (error instanceof IncompleteJobError) printAll(error.lines);
    throw error;
  }
}

function print(message: ControlMessage): void {
  if (message.kind === "line") process.stdout.write(`${visibleText(message.text)}\n`);
  else if (message.kind === "progress" && process.stderr.isTTY)
    process.stderr.write(`\r\u001b[K${visibleText(message.text)}`);
  else if (message.kind === "end" && process.stderr.isTTY) process.stderr.write("\r\u001b[K");
}
