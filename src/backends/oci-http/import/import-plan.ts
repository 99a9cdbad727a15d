import type { Digest } from "../../../primitives/digest.ts";
import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";
import type { ImportPlan, ImportStep, Planning } from "./import-types.ts";
import { RepositoryPlan } from "./repository-plan.ts";
import type { Untaken } from "./sources/import-source.ts";

/** The repositories of a source that are to be imported, in parts that are planned and imported one after the other. */
export async function partsOf({ source, selection }: Pick<Planning, "source" | "selection">): Promise<{
  readonly parts: readonly (readonly RepositoryName[])[];
  readonly untaken: readonly Untaken[];
}> {
  const { names, untaken } = await source.repositories();
  const wanted = names.filter((name) => selection.includes(name));
  return { parts: source.isDistant ? wanted.map((name) => [name]) : [wanted], untaken };
}

/** Compares repositories of a source with the registry that gets them. Changes nothing. */
export async function planImport(planning: Planning, names: readonly RepositoryName[]): Promise<ImportPlan> {
  const { selection, progress } = planning;
  const plans: RepositoryPlan[] = [];
  const blobs = new Map<Digest, number>();
  const refused: Untaken[] = [];
  for (const from of names) {
    progress(`looking at ${from}`);
    const to = parseRepositoryName(selection.prefix + from);
    if (to) plans.push(await RepositoryPlan.make(planning, { from, to }, blobs));
    else
      refused.push({ what: from, reason: `'${selection.prefix}${from}' is no valid name of a repository` });
  }
  return {
    steps: plans.flatMap((plan) => plan.steps).sort(byAge),
    bytes: blobs.values().reduce((sum, size) => sum + size, 0),
    present: plans.reduce((sum, plan) => sum + plan.present, 0),
    kept: plans.flatMap((plan) => plan.kept),
    untaken: [...refused, ...plans.flatMap((plan) => plan.untaken)],
  };
}

let withNumbers: Intl.Collator | undefined;

/** What has no date comes last, in the order of its names, where `v1.9` comes before `v1.10`. */
function byAge(a: ImportStep, b: ImportStep): number {
  const [first, second] = [a.made ?? Number.POSITIVE_INFINITY, b.made ?? Number.POSITIVE_INFINITY];
  if (first !== second) return first - second;
  if (a.to !== b.to) return a.to < b.to ? -1 : 1;
  withNumbers ??= new Intl.Collator("en", { numeric: true });
  // A sort keeps the order of what is equal: that of the moves of one tag.
  return withNumbers.compare(a.tag ?? "", b.tag ?? "");
}
