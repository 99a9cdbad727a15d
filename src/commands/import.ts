import { type ArgsDef, defineCommand } from "citty";
import { planImport } from "../backends/oci-http/import/import-plan.ts";
import { type ImportTally, newTally, runImport } from "../backends/oci-http/import/import-run.ts";
import { parseImportSelection } from "../backends/oci-http/import/import-selection.ts";
import type { ImportPlan, ImportSelection } from "../backends/oci-http/import/import-types.ts";
import { ManifestReader } from "../backends/oci-http/import/manifest-reader.ts";
import type { ImportSource, Untaken } from "../backends/oci-http/import/sources/import-source.ts";
import { openFileSource } from "../backends/oci-http/import/sources/open-source.ts";
import type { ImportTarget } from "../backends/oci-http/import/target/import-target.ts";
import { resolveServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { formatSize } from "../primitives/text/byte-size.ts";
import { counted } from "../primitives/text/counted.ts";
import { visibleText } from "../primitives/text/visible-text.ts";
import { parseRepositoryName } from "../registry/model/repository-name.ts";
import { CommandError } from "./command-error.ts";
import { CopyProgress } from "./copy-progress.ts";
import { finishing } from "./data-copy.ts";
import { DATA_DIRECTORY_ARGS, splitFlags } from "./data-directory-args.ts";
import { withImportTarget } from "./import-target.ts";
import { STORAGE_ARGS } from "./offline-storage.ts";

const DRY_RUN = "--dry-run";
const TAGGED_ONLY = "--tagged-only";
const VALUES: ArgsDef = {
  to: { type: "string", description: "registry that gets the images", valueHint: "registry" },
  repositories: {
    type: "string",
    description: "import only these, such as 'team/**' or 'app:v*,latest'; may be given several times",
    valueHint: "pattern",
  },
  repository: {
    type: "string",
    description: "name for images that a file gives only a tag",
    valueHint: "name",
  },
  prefix: { type: "string", description: "put before the names of repositories, such as 'old/'" },
  as: { type: "string", description: "author of the commits (default: the server)", valueHint: "user" },
};
const ARGS: ArgsDef = {
  source: { type: "positional", required: false, description: "directory, OCI layout or archive" },
  ...VALUES,
  "tagged-only": { type: "boolean", description: "leave out manifests that no tag names" },
  "dry-run": { type: "boolean", description: "only say what would be imported" },
  ...DATA_DIRECTORY_ARGS,
  ...STORAGE_ARGS,
};
const USAGE =
  "use: everlock import <source> --to <registry> [--repositories <pattern>] [--as <user>] [--dry-run] [--data-dir <dir> | --storage s3://<bucket>/<prefix>]";

export const importCommand = defineCommand({
  meta: {
    name: "import",
    description:
      "Bring images from another registry's directory or from a file, also while servers run; run again, it resumes",
  },
  args: ARGS,
  async run({ rawArgs }) {
    const request = readRequest(rawArgs);
    await using source = await openFileSource(request.source, request.unnamed);
    const header = { registry: request.to, as: request.as, source: source.place };
    const untaken = await withImportTarget(request.config, header, USAGE, (target) =>
      finishing(`the import from ${source.place}`, "run the same command again to resume it", () =>
        importAll(source, target, request),
      ),
    );
    if (untaken > 0)
      throw new CommandError(`${counted(untaken, "thing")} of ${source.place} were not imported`);
  },
});

function readRequest(rawArgs: readonly string[]) {
  const { words, flags } = splitFlags(rawArgs, { ...VALUES, ...DATA_DIRECTORY_ARGS, ...STORAGE_ARGS });
  const own = new Map<string, string[]>();
  const settings: string[] = [];
  for (let i = 0; i < flags.length; i++) {
    const [, name = "", value] = flags[i]?.match(/^--([a-z-]+)(?:=(.*))?$/s) ?? [];
    const text = value ?? flags[++i] ?? "";
    if (Object.hasOwn(VALUES, name)) own.set(name, [...(own.get(name) ?? []), text]);
    else settings.push(`--${name}=${text}`);
  }
  const [source, ...more] = words.filter((word) => word !== DRY_RUN && word !== TAGGED_ONLY);
  const unknown = words.find((word) => /^--/.test(word) && word !== DRY_RUN && word !== TAGGED_ONLY);
  if (unknown !== undefined) throw new UsageError(`unknown flag '${unknown}'; ${USAGE}`);
  const to = own.get("to")?.at(-1);
  if (source === undefined || to === undefined || more.length > 0) throw new UsageError(USAGE);
  const name = own.get("repository")?.at(-1);
  const unnamed = name === undefined ? undefined : parseRepositoryName(name);
  if (name !== undefined && !unnamed) throw new UsageError(`'${name}' is no name of a repository; ${USAGE}`);
  const prefix = own.get("prefix")?.at(-1) ?? "";
  const taggedOnly = words.includes(TAGGED_ONLY);
  const selection = parseImportSelection(own.get("repositories") ?? [], { taggedOnly, prefix });
  if ("wrong" in selection)
    throw new UsageError(
      `'${selection.wrong}' selects no repositories; use a pattern such as 'team/**', or one with tags such as 'app:v*,latest'`,
    );
  const isDryRun = words.includes(DRY_RUN);
  const as = own.get("as")?.at(-1);
  return { source, to, as, unnamed, selection, isDryRun, config: resolveServerConfig(settings, process.env) };
}

interface ImportRequest {
  readonly selection: ImportSelection;
  readonly to: string;
  readonly isDryRun: boolean;
}

/** Returns how many things could not be imported. */
async function importAll(
  source: ImportSource,
  target: ImportTarget,
  request: ImportRequest,
): Promise<number> {
  const { selection, isDryRun } = request;
  const output = process.stderr;
  const manifests = new ManifestReader(source);
  const progress = (text: string) => void (output.isTTY && output.write(`\r\u001b[K${visibleText(text)}`));
  const plan = await planImport({ source, target, manifests, selection, progress });
  if (output.isTTY) output.write("\r\u001b[K");
  if (isDryRun) return reportDryRun(source, plan);
  const watch = new CopyProgress({ total: plan.bytes, present: 0, output });
  const tally = newTally();
  try {
    await runImport({ source, target, manifests, watch, tally }, plan);
  } finally {
    watch.clear();
    report(plan, tally, request.to);
  }
  return plan.untaken.length + tally.untaken.length;
}

function reportDryRun(source: ImportSource, plan: ImportPlan): number {
  for (const { to, tag, digest, made } of plan.steps) {
    const date = made === undefined ? "" : `, of ${new Date(made * 1000).toISOString()}`;
    print(`would import ${tag === undefined ? `${to}@${digest}` : `${to}:${tag} (${digest})`}${date}`);
  }
  print(
    `${counted(plan.steps.length, "change")} would be imported from ${source.place}, up to ${formatSize(plan.bytes)}; ${plan.present} are there already`,
  );
  reportOthers(plan, []);
  return plan.untaken.length;
}

function report(plan: ImportPlan, { tags, manifests, bytes, untaken }: ImportTally, to: string): void {
  print(
    `${to}: ${counted(tags, "tag")} and ${counted(manifests, "manifest")} imported, ${formatSize(bytes)} copied; ${plan.present} were there already`,
  );
  reportOthers(plan, untaken);
}

function reportOthers({ kept, untaken }: ImportPlan, more: readonly Untaken[]): void {
  for (const { what, reason } of kept) print(`${what} stays as it is: ${reason}`);
  for (const { what, reason } of [...untaken, ...more]) print(`${what} was not imported: ${reason}`);
}

function print(text: string): void {
  process.stdout.write(`${visibleText(text)}\n`);
}
