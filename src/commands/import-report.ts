import type { ImportTally } from "../backends/oci-http/import/import-run.ts";
import type { ImportPlan } from "../backends/oci-http/import/import-types.ts";
import { formatSize } from "../primitives/text/byte-size.ts";
import { counted } from "../primitives/text/counted.ts";
import { visibleText } from "../primitives/text/visible-text.ts";

/** Prints what an import has done and left out, also one that ended in an error. */
export function reportImport(tally: ImportTally, to: string): void {
  const { tags, manifests, bytes, present } = tally;
  print(
    `${to}: ${counted(tags, "tag")} and ${counted(manifests, "manifest")} imported, ${formatSize(bytes)} copied; ${counted(present, "was", "were")} there already`,
  );
  reportOthers(tally);
}

/** Prints what an import would do of a part of the source. */
export function reportPlan({ steps }: ImportPlan): void {
  for (const { to, tag, digest, made } of steps) {
    const date = made === undefined ? "" : `, of ${new Date(made * 1000).toISOString()}`;
    print(`would import ${tag === undefined ? `${to}@${digest}` : `${to}:${tag} (${digest})`}${date}`);
  }
}

/** Prints what a dry run has found in all: `bytes` are those that would be copied at the most. */
export function reportDryRun(
  tally: ImportTally,
  planned: { readonly steps: number; readonly bytes: number },
): void {
  const wanted = counted(planned.steps, "tag or manifest", "tags and manifests");
  print(
    `${wanted} would be imported, with ${formatSize(planned.bytes)} at the most; ${counted(tally.present, "is", "are")} there already`,
  );
  reportOthers(tally);
}

/** Prints what is left out, and why. */
function reportOthers({ kept, untaken }: Pick<ImportTally, "kept" | "untaken">): void {
  for (const { what, reason } of kept) print(`${what} stays as it is: ${reason}`);
  for (const { what, reason } of untaken) print(`${what} was not imported: ${reason}`);
}

function print(text: string): void {
  process.stdout.write(`${visibleText(text)}\n`);
}
