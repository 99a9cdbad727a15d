import { defineCommand } from "citty";
import { partsOf, planImport } from "../backends/oci-http/import/import-plan.ts";
import { type ImportRun, newTally, notePlan, runImport } from "../backends/oci-http/import/import-run.ts";
import type { ImportPlan } from "../backends/oci-http/import/import-types.ts";
import { ManifestReader } from "../backends/oci-http/import/manifest-reader.ts";
import type { ImportSource } from "../backends/oci-http/import/sources/import-source.ts";
import type { ImportTarget } from "../backends/oci-http/import/target/import-target.ts";
import { counted } from "../primitives/text/counted.ts";
import { visibleText } from "../primitives/text/visible-text.ts";
import { CommandError } from "./command-error.ts";
import { CLEAR, CopyProgress, inColumns } from "./copy-progress.ts";
import { finishing } from "./data-copy.ts";
import { reportDryRun, reportImport, reportPlan } from "./import-report.ts";
import { IMPORT_ARGS, IMPORT_USAGE, type ImportRequest, readImportRequest } from "./import-request.ts";
import { openImportSource } from "./import-source.ts";
import { withImportTarget } from "./import-target.ts";
import { importUserFile } from "./import-user-file.ts";

const NOTHING_MATCHES = "nothing there matches this pattern";
const GO_ON = "run the same command again to resume it";

export const importCommand = defineCommand({
  meta: {
    name: "import",
    description:
      "Bring images and users from another registry, its directory or a file, also while servers run; run again, it resumes",
  },
  args: IMPORT_ARGS,
  async run({ rawArgs }) {
    const request = readImportRequest(rawArgs);
    const users = request.usersFile === undefined ? 0 : await importUserFile(request, request.usersFile);
    const images = request.source === undefined ? 0 : await importImages(request, request.source);
    const untaken = [
      ...(images > 0 ? [counted(images, "thing")] : []),
      ...(users > 0 ? [counted(users, "user")] : []),
    ];
    const were = images + users === 1 ? "was" : "were";
    if (untaken.length > 0)
      throw new CommandError(`${untaken.join(" and ")} ${were} not imported; see above why`);
  },
});

/** Returns how many things could not be imported. */
async function importImages(request: ImportRequest, place: string): Promise<number> {
  const { unnamed, selection, flags, allowsPrivate, to: registry, as, config } = request;
  const start = process.stderr.isTTY ? CLEAR : "";
  const say = (text: string) => void process.stderr.write(`${start}${visibleText(text)}\n`);
  const { named } = selection;
  await using source = await openImportSource({ place, unnamed, named, flags, allowsPrivate, pausing: say });
  const header = { registry, as, source: source.place };
  return await withImportTarget(config, header, IMPORT_USAGE, (target) =>
    finishing(`the import from ${source.place}`, GO_ON, () => importAll(source, target, request)),
  );
}

async function importAll(
  source: ImportSource,
  target: ImportTarget,
  { selection, isDryRun, to }: ImportRequest,
): Promise<number> {
  const output = process.stderr;
  const manifests = new ManifestReader(source);
  const clear = () => void (output.isTTY && output.write("\r\u001b[K"));
  const progress = (text: string) =>
    void (output.isTTY && output.write(`\r\u001b[K${inColumns(output, visibleText(text))}`));
  const tally = newTally();
  const planned = { steps: 0, bytes: 0 };
  try {
    const { parts, untaken } = await partsOf({ source, selection });
    tally.untaken.push(...untaken);
    for (const [i, part] of parts.entries()) {
      const plan = await planImport({ source, target, manifests, selection, progress }, part);
      notePlan(tally, plan);
      planned.steps += plan.steps.length;
      planned.bytes += plan.bytes;
      clear();
      if (isDryRun) reportPlan(plan);
      else {
        const label = parts.length > 1 ? `repository ${i + 1} of ${parts.length}: ` : "";
        await copyImages({ source, target, manifests, tally }, plan, label);
      }
    }
    for (const what of selection.unused()) tally.untaken.push({ what, reason: NOTHING_MATCHES });
  } finally {
    clear();
    if (isDryRun) reportDryRun(tally, planned);
    else reportImport(tally, to);
  }
  return tally.untaken.length;
}

async function copyImages(run: Omit<ImportRun, "watch">, plan: ImportPlan, label: string): Promise<void> {
  const watch = new CopyProgress({ total: plan.bytes, present: 0, label, output: process.stderr });
  await runImport({ ...run, watch }, plan);
}
