import { type ArgsDef, defineCommand } from "citty";
import { InstanceRegistry } from "../backends/oci-http/instances/instance-registry.ts";
import { SYSTEM_STORE } from "../backends/oci-http/settings/instance-config.ts";
import { leasedJob } from "../backends/oci-http/upkeep/leased-jobs.ts";
import { storeJobs } from "../backends/oci-http/upkeep/store-jobs.ts";
import { resolveServerConfig, type ServerConfig } from "../config/server-config.ts";
import { runRemoteJob } from "../frontends/control/control-client.ts";
import type { ControlMessage } from "../frontends/control/control-messages.ts";
import { IncompleteJobError, type Job, JobRunner } from "../primitives/jobs/job-runner.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import type { StoreManager } from "../primitives/store/store-manager.ts";
import { visibleText } from "../primitives/text/visible-text.ts";
import { UserDirectory } from "../primitives/users/user-directory.ts";
import { DATA_DIRECTORY_ARGS, serverDirectory } from "./data-directory-args.ts";
import { openOffline, STORAGE_ARGS } from "./offline-storage.ts";

const DRY_RUN = "--dry-run";
const ARGS: ArgsDef = {
  "dry-run": { type: "boolean", description: "only list what would be removed, with sizes" },
  "gc-grace": {
    type: "string",
    description: "keep blobs uploaded within this time",
    valueHint: "duration",
  },
  ...DATA_DIRECTORY_ARGS,
  ...STORAGE_ARGS,
};
const USAGE = "use: everlock gc [--dry-run] [--data-dir <dir> | --storage s3://<bucket>/<prefix>]";
/** This command runs the job once. */
const NOT_SCHEDULED = { gcEvery: undefined, scrubEvery: undefined };

export const gc = defineCommand({
  meta: {
    name: "gc",
    description:
      "Apply the cleanup rules and remove unreferenced blobs, also while servers run; exits with 1 if a store was skipped",
  },
  args: ARGS,
  async run({ rawArgs }) {
    const isDryRun = rawArgs.includes(DRY_RUN);
    const flags = rawArgs.filter((arg) => arg !== DRY_RUN);
    const config = resolveServerConfig(flags, process.env);
    const directory = serverDirectory(config, USAGE);
    if (directory !== undefined && (await runRemoteJob(directory, "gc", isDryRun, print))) return;
    await runHere(config, isDryRun);
  },
});

async function runHere(config: ServerConfig, isDryRun: boolean): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const { stores } = undo.use(await openOffline(config, USAGE));
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
    await jobsOn(instances, stores, config),
    // The report is printed instead.
    { ...consoleLogger, info: () => undefined },
  );
  const printAll = (lines: readonly string[]) => {
    for (const text of lines) print({ kind: "line", text });
  };
  try {
    printAll(
      await jobs.run("gc", { isDryRun, by: "everlock gc" }, (text) => print({ kind: "progress", text })),
    );
  } catch (error) {
    if (error instanceof IncompleteJobError) printAll(error.lines);
    throw error;
  }
}

/** On a bucket, nodes may be pushing: then this process is one of them. */
async function jobsOn(
  instances: InstanceRegistry,
  stores: StoreManager,
  { jobs: { gcGrace } }: ServerConfig,
): Promise<readonly Job[]> {
  const { location } = stores;
  const jobs = storeJobs(instances, { ...NOT_SCHEDULED, gcGrace });
  if (location.kind === "local") return jobs;
  const options = { leases: await stores.openLeases(), node: location.node, isPatient: true };
  return jobs.map((job) => leasedJob(job, options));
}

function print(message: ControlMessage): void {
  if (message.kind === "line") process.stdout.write(`${visibleText(message.text)}\n`);
  else if (message.kind === "progress" && process.stderr.isTTY)
    process.stderr.write(`\r\u001b[K${visibleText(message.text)}`);
  else if (message.kind === "end" && process.stderr.isTTY) process.stderr.write("\r\u001b[K");
}
