import type { ImportTally } from "../backends/oci-http/import/import-run.ts";
import type { ImportPlan } from "../backends/oci-http/import/import-types.ts";
import type { ImportSource, Untaken } from "../backends/oci-http/import/sources/import-source.ts";
import { formatSize } from "../primitives/text/byte-size.ts";
import { counted } from "../primitives/text/counted.ts";
import { visibleText } from "../primitives/text/visible-text.ts";

/** Prints what an import has done and left out, also one that ended in an error. */
export function reportImport(
  plan: ImportPlan,
  { tags, manifests, bytes, untaken }: ImportTally,
  to: string,
): void {
  print(
    `${to}: ${counted(tags, "tag")} and ${counted(manifests, "manifest")} imported, ${formatSize(bytes)} copied; ${plan.present} were there already`,
  );
  reportOthers(plan, untaken);
}

/** Prints what an import would do; returns how many things it would leave out. */
export function reportDryRun(source: ImportSource, plan: ImportPlan): number {
  for (const { to, tag, digest, made } of plan.steps) {
    const date = made === undefined ? "" : `, of ${new Date(made * 1000).toISOString()}`;
    print(`would import ${tag === undefined ? `${to}@${digest}` : `${to}:${tag} (${digest})`}${date}`);
  }
  print(
    `${counted(plan.steps.length, "change")} would be imported from ${source.place}, with ${formatSize(plan.bytes)} at the most; ${plan.present} are there already`,
  );
  reportOthers(plan, []);
  return plan.untaken.length;
}

function reportOthers({ kept, untaken }: ImportPlan, more: readonly Untaken[]): void {
  for (const { what, reason } of kept) print(`${what} stays as it is: ${reason}`);
  for (const { what, reason } of [...untaken, ...more]) print(`${what} was not imported: ${reason}`);
}

function print(text: string): void {
  process.stdout.write(`${visibleText(text)}\n`);
}
