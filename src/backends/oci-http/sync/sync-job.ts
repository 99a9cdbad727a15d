import { failureOf } from "../../../primitives/errors/failure.ts";
import {
  IncompleteJobError,
  type Job,
  type JobReport,
  type JobRun,
} from "../../../primitives/jobs/job-runner.ts";
import { SYSTEM_IDENTITY } from "../../../primitives/store/commits/commit-group.ts";
import { formatSize } from "../../../primitives/text/byte-size.ts";
import { counted } from "../../../primitives/text/counted.ts";
import type { Mirrors } from "../mirror/mirrors.ts";
import { formatSyncRule, type SyncRule } from "../policy/sync-rules.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import { describeMode } from "../settings/registry-mode.ts";
import type { OciStore } from "../store/oci-store.ts";
import type { Author } from "../store/store-changes.ts";
import { CompleteImages } from "./collected-image.ts";
import { PatientUpstream } from "./patient-upstream.ts";
import { RuleResult, runRule } from "./rule-run.ts";
import { SyncTimes } from "./sync-times.ts";

/** The registries and their upstreams. */
export interface SyncedRegistries {
  list(): readonly InstanceConfig[];
  storeOf(name: InstanceName): OciStore;
  readonly mirrors: Pick<Mirrors, "ask" | "noteFailure" | "counts">;
}

const AUTHOR: Author = { identity: SYSTEM_IDENTITY, client: "sync", remote: "" };
/** Most tags listed in a report. */
const MAX_NAMED = 1000;

/** The job that carries out the rules of planned copies, each when it is due; all of them if a user asks for the run. */
export function syncJob(registries: SyncedRegistries): Job {
  const copies = new PlannedCopies(registries);
  return {
    name: "sync",
    summary: "copies from upstream what the rules of mirrors (sync=) name",
    everyMs: undefined,
    due: () => copies.due(),
    run: (run) => copies.run(run),
  };
}

class PlannedCopies {
  readonly #registries: SyncedRegistries;
  readonly #complete = new CompleteImages();
  /** By the directory of the store. */
  readonly #times = new Map<string, SyncTimes>();

  constructor(registries: SyncedRegistries) {
    this.#registries = registries;
  }

  /** When the first rule is due. */
  due(): Date | undefined {
    const times = this.#synced().flatMap((config) => {
      const store = config.mode === "normal" ? this.#storeOf(config.name) : undefined;
      return store ? config.sync.map((rule) => this.#timesOf(store).dueAt(keyOf(config, rule))) : [];
    });
    return times.length === 0 ? undefined : new Date(Math.min(...times) * 1000);
  }

  /** Registries don't wait for each other, as each upstream has limits of its own. */
  async run(run: JobRun): Promise<void> {
    const shown = new Map<InstanceName, string>();
    const failed: string[] = [];
    const outcomes = await Promise.allSettled(
      this.#synced().map(async (config) => {
        const progress = (text: string) => {
          shown.set(config.name, text);
          run.progress([...shown].map(([name, each]) => `${name}: ${each}`).join("; "));
        };
        failed.push(...(await this.#registry(config, run, progress)));
        shown.delete(config.name);
      }),
    );
    run.signal.throwIfAborted();
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    if (failed.length > 0)
      throw new IncompleteJobError(`${counted(failed.length, "copy", "copies")} failed: ${failed[0]}`, []);
  }

  /** Resolves with what failed, a line each. */
  async #registry(config: InstanceConfig, run: JobRun, progress: (text: string) => void): Promise<string[]> {
    const { name: subject, mode } = config;
    const report = (summary: string, details: readonly string[] = []) =>
      run.report({ subject, summary, details });
    if (mode !== "normal") {
      if (!run.isScheduled) report(`left alone: it is ${describeMode(mode)}`);
      return [];
    }
    try {
      const oci = this.#registries.storeOf(subject);
      const rules = config.sync.filter((rule) => !run.isScheduled || this.#isDue(oci, config, rule));
      if (rules.length === 0) return [];
      const results: RuleResult[] = [];
      for (const rule of rules) results.push(await this.#rule(config, rule, { oci, run, progress }));
      const { summary, details } = reportOf(results, run.isDryRun);
      report(summary, details);
      return results.flatMap(({ failed }) => failed);
    } catch (error) {
      if (run.signal.aborted) throw error;
      report(`failed: ${failureOf(error).words}`);
      throw error;
    }
  }

  async #rule(
    config: InstanceConfig,
    rule: SyncRule,
    {
      oci,
      run,
      progress,
    }: { readonly oci: OciStore; readonly run: JobRun; readonly progress: (text: string) => void },
  ): Promise<RuleResult> {
    const { mirrors } = this.#registries;
    const request = mirrors.ask({ instance: config.name, repository: rule.repository, author: AUTHOR });
    const work = (closing: AbortSignal): Promise<RuleResult> => {
      if (!request)
        return Promise.resolve(RuleResult.failure(`${rule.repository}: the registry has no upstream for it`));
      const upstream = new PatientUpstream(request, {
        signal: AbortSignal.any([run.signal, closing]),
        paused: (until) => progress(until ? `paused until ${timeOf(until)}, as upstream asks` : "goes on"),
        failed: (failure) => mirrors.noteFailure(request, failure),
      });
      const { isDryRun } = run;
      const received = (bytes: number) => {
        mirrors.counts.of(config.name).bytes += bytes;
      };
      return runRule({ upstream, rule, complete: this.#complete, isDryRun, progress, received });
    };
    const result = await oci.inUse(work);
    const keys = new Set(this.#synced().flatMap((each) => each.sync.map((other) => keyOf(each, other))));
    const outcome = { everySeconds: rule.everySeconds, isWhole: result.failed.length === 0 };
    if (!run.isDryRun) await this.#timesOf(oci).note(keyOf(config, rule), outcome, keys);
    return result;
  }

  #synced(): InstanceConfig[] {
    return this.#registries.list().filter(({ sync, at }) => sync.length > 0 && !at);
  }

  /** `undefined` while it is out of service. */
  #storeOf(name: InstanceName): OciStore | undefined {
    try {
      return this.#registries.storeOf(name);
    } catch {
      return undefined;
    }
  }

  #isDue(oci: OciStore, config: InstanceConfig, rule: SyncRule): boolean {
    return this.#timesOf(oci).dueAt(keyOf(config, rule)) * 1000 <= Date.now();
  }

  #timesOf({ directory }: OciStore): SyncTimes {
    const times = this.#times.get(directory) ?? new SyncTimes(directory);
    this.#times.set(directory, times);
    return times;
  }
}

function keyOf({ name, upstream }: InstanceConfig, rule: SyncRule): string {
  return `${name} ${upstream ?? ""} ${formatSyncRule(rule)}`;
}

function timeOf(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function reportOf(results: readonly RuleResult[], isDryRun: boolean): Omit<JobReport, "subject"> {
  const all = (of: (result: RuleResult) => readonly string[]) => results.flatMap(of).sort();
  const sum = (of: (result: RuleResult) => number) =>
    results.reduce((total, result) => total + of(result), 0);
  const [moved, deleted] = [all((result) => result.moved), all((result) => result.deleted)];
  const [skipped, failed] = [all((result) => result.skipped), all((result) => result.failed)];
  const would = isDryRun ? "would be " : "";
  const lines = [
    // What a long list leaves out is what needs nobody.
    ...failed.map((line) => `failed: ${line}`),
    ...all((result) => result.idle),
    ...deleted.map((name) => `${name} ${would}deleted`),
    ...moved.map((name) => `${name} ${would}copied`),
    ...skipped,
  ];
  const more = lines.length > MAX_NAMED ? [`… and ${lines.length - MAX_NAMED} more`] : [];
  const counts = [
    `${counted(moved.length, "tag")} ${would}copied`,
    `${deleted.length} ${would}deleted`,
    `${sum(({ unchanged }) => unchanged)} unchanged`,
    ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
  ];
  return {
    summary: `${counts.join(", ")}; ${formatSize(sum(({ bytes }) => bytes))} fetched`,
    details: [...lines.slice(0, MAX_NAMED), ...more],
  };
}
