import { failureOf } from "../../../primitives/errors/failure.ts";
import {
  IncompleteJobError,
  type Job,
  type JobReport,
  type JobRun,
} from "../../../primitives/jobs/job-runner.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import { counted } from "../../../primitives/text/counted.ts";
import type { InstanceRegistry } from "../instances/instance-registry.ts";
import { pruneMirror } from "../pruning/prune.ts";
import { type InstanceConfig, mayLackBlobs } from "../settings/instance-config.ts";
import { describeMode } from "../settings/registry-mode.ts";
import type { OciStore } from "../store/oci-store.ts";
import { applyCleanupRules, type Cleaned } from "./cleanup.ts";
import { collectGarbage } from "./garbage.ts";
import { checkOciStore } from "./store-check.ts";

export interface StoreJobsOptions {
  /** Seconds between runs; `undefined`: only on request. */
  readonly gcEvery: number | undefined;
  readonly gcGrace: number;
  readonly scrubEvery: number | undefined;
}

/** Most deleted names listed in a report. */
const MAX_NAMED = 1000;

/** The background jobs on OCI stores; each handles one store after the other. */
export function storeJobs(
  instances: InstanceRegistry,
  { gcEvery, gcGrace, scrubEvery }: StoreJobsOptions,
): readonly Job[] {
  const milliseconds = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1000);
  return [
    {
      name: "gc",
      summary: "applies the cleanup rules and removes blobs that nothing needs",
      everyMs: milliseconds(gcEvery),
      run: (run) => {
        run.progress("waiting for a backup to end");
        return instances.withRemovals(
          () =>
            forEachStore(instances, run, (oci, configs) =>
              collect(instances, oci, configs, { graceSeconds: gcGrace, run }),
            ),
          run.signal,
        );
      },
    },
    {
      name: "scrub",
      summary: "hashes every object and blob again and compares the index with the commits",
      everyMs: milliseconds(scrubEvery),
      run: (run) => forEachStore(instances, run, (oci, configs) => scrub(oci, configs, run)),
    },
  ];
}

/** Works on each store, even if another fails or is out of service; then rejects at the end. */
async function forEachStore(
  instances: InstanceRegistry,
  { signal, report }: JobRun,
  work: (oci: OciStore, configs: readonly InstanceConfig[]) => Promise<Omit<JobReport, "subject">>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const oci of instances.stores()) {
    if (signal.aborted) break;
    const { store: subject } = oci.location;
    const configs = instances.list().filter(({ store }) => store === subject);
    if (configs.length === 0) continue;
    try {
      report({ subject, ...(await oci.inUse(() => work(oci, configs))) });
    } catch (error) {
      if (signal.aborted) throw error;
      report({ subject, summary: `failed: ${failureOf(error).words}`, details: [] });
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join("; "));
  const problems = new Set(instances.outages().map(({ problem }) => problem));
  if (problems.size === 0 || signal.aborted) return;
  const message = problems.size === 1 ? "1 store was left out" : `${problems.size} stores were left out`;
  throw new IncompleteJobError(
    message,
    [...problems].map((problem) => `left out: ${problem}`),
  );
}

async function collect(
  instances: InstanceRegistry,
  oci: OciStore,
  configs: readonly InstanceConfig[],
  { graceSeconds, run }: { readonly graceSeconds: number; readonly run: JobRun },
): Promise<Omit<JobReport, "subject">> {
  // A registry at a past state is read-only without this mode, and does not hold up the others.
  const resting = configs.find(({ mode, at }) => mode !== "normal" && !(at && mode === "read-only"));
  if (resting)
    return { summary: `left alone: '${resting.name}' is ${describeMode(resting.mode)}`, details: [] };
  const rules = configs.flatMap(({ cleanup, at, follow }) => (at || follow ? [] : cleanup));
  const cleaned = added(
    await applyCleanupRules(oci, rules, run),
    await pruneMirrors(instances, oci, configs, { graceSeconds, run }),
  );
  // Registries that share a store use the longest of their retentions.
  const retentions = configs.map(({ retention }) => retention ?? Number.POSITIVE_INFINITY);
  const longest = Math.max(...retentions);
  const retentionSeconds = longest === Number.POSITIVE_INFINITY ? undefined : longest;
  const { uploads, blobs, bytes, problems } = await collectGarbage(
    oci,
    { graceSeconds, retentionSeconds },
    run,
  );
  const verb = run.isDryRun ? "would remove" : "removed";
  const more = cleaned.lines.length > MAX_NAMED ? [`… and ${cleaned.lines.length - MAX_NAMED} more`] : [];
  return {
    summary: `${verb} ${counted(cleaned.tags, "tag")}, ${counted(cleaned.manifests, "manifest")}, ${counted(blobs, "blob")} (${counted(bytes, "byte")}), ${counted(uploads, "upload")}`,
    details: [...cleaned.lines.slice(0, MAX_NAMED), ...more, ...problems],
  };
}

/** What registries with an upstream no longer keep, by their last pulls. */
async function pruneMirrors(
  instances: InstanceRegistry,
  oci: OciStore,
  configs: readonly InstanceConfig[],
  { graceSeconds, run }: { readonly graceSeconds: number; readonly run: JobRun },
): Promise<Cleaned> {
  const { mirrors } = instances;
  const keeping = {
    immutable: configs.flatMap(({ immutable }) => immutable),
    sync: configs.flatMap(({ sync }) => sync),
  };
  let pruned: Cleaned = { tags: 0, manifests: 0, lines: [] };
  for (const config of configs)
    if (!config.at && (config.keepPulled !== undefined || config.keepSize !== undefined))
      pruned = added(pruned, await pruneMirror(oci, { config, keeping, graceSeconds, mirrors, run }));
  await oci.pulls.refresh();
  if (!run.isDryRun)
    await oci.pulls.times.tidy(
      ({ repository, digest }) => oci.index.hasManifest(repository, digest),
      run.signal,
    );
  return pruned;
}

function added(a: Cleaned, b: Cleaned): Cleaned {
  return { tags: a.tags + b.tags, manifests: a.manifests + b.manifests, lines: [...a.lines, ...b.lines] };
}

async function scrub(
  oci: OciStore,
  configs: readonly InstanceConfig[],
  run: JobRun,
): Promise<Omit<JobReport, "subject">> {
  const pace = new Pace(3, run.signal);
  const step = async (progress: string): Promise<boolean> => {
    run.progress(`${oci.location.store}: ${progress}`);
    await pace.rest();
    return !run.signal.aborted;
  };
  const objects = await oci.store.checkObjects(step);
  run.signal.throwIfAborted();
  const content = await checkOciStore(oci, {
    setsAside: !run.isDryRun,
    mayLackBlobs: configs.some(mayLackBlobs),
    step,
    signal: run.signal,
  });
  const problems = [...objects.problems, ...content.problems];
  const verdict = problems.length === 0 ? "no damage" : `${problems.length} damaged or missing`;
  return {
    summary: `${counted(objects.commits, "commit")}, ${counted(objects.objects, "object")}, ${counted(content.blobs, "blob")}: ${verdict}`,
    details: problems,
  };
}
