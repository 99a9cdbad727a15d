import type { ImportTally } from "../backends/oci-http/import/import-run.ts";
import type { ImportPlan } from "../backends/oci-http/import/import-types.ts";
import { formatSize } from "../primitives/text/byte-size.ts";
import { counted } from "../primitives/text/counted.ts";
import { visibleText } from "../primitives/text/visible-text.ts";

/** Prints what an import has done and left out, also one that ended in an error. */
export function reportImport(tally: ImportTally, to: string): void {
  const { tags, manifests, bytes, present } = tally;
  print(
    `${to}: ${counted(tags, "tag")} and ${counted(manifests, "manifest")} imported, ${formatSize(bytes)} copied; ${present} were there already`,
  );
  reportOthers(tally);
}

/** Prints what an import would do. */
export function reportPlan({ steps, bytes, present }: ImportPlan): void {
  for (const { to, tag, digest, made } of steps) {
    const date = made === undefined ? "" : `, of ${new Date(made * 1000).toISOString()}`;
    print(`would import ${tag === undefined ? `${to}@${digest}` : `${to}:${tag} (${digest})`}${date}`);
  }
  print(
    `${counted(steps.length, "tag or manifest", "tags and manifests")} would be imported, with ${formatSize(bytes)} at the most; ${present} are there already`,
  );
}

/** Prints what is left out, and why. */
export function reportOthers({ kept, untaken }: Pick<ImportTally, "kept" | "untaken">): void {
  for (const { what, reason } of kept) print(`${what} stays as it is: ${reason}`);
  for (const { what, reason } of untaken) print(`${what} was not imported: ${reason}`);
}

function print(text: string): void {
  process.stdout.write(`${visibleText(text)}\n`);
}
