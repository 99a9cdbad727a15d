import { Pace } from "../../../primitives/jobs/pace.ts";
import type { RemovalProposal } from "./remove.ts";
import type { RestorePlan } from "./restore-plan.ts";
import type { RetagProposal } from "./retag.ts";

/** Hex digits that tell proposals apart. */
const HEX = 32;

/**
 * A text that is the same for two proposals exactly if they change the same things from and to the same states. A user who
 * confirms a preview sends it, so that nothing else is carried out.
 */
export function restoreDigest({
  plan,
  store,
}: {
  readonly plan: RestorePlan;
  readonly store: string;
}): Promise<string> {
  const { repository, selection, from, undoes, moves, manifests } = plan;
  return digestOfParts(function* () {
    yield ["restore", store, repository, selection, from, undoes];
    for (const { repository: name, tag, before, after } of moves) yield [name, tag, before, after];
    for (const { path, content } of manifests) yield [path, content !== null];
  });
}

/** Like `restoreDigest`, for a deletion. */
export function removalDigest({ plan, store, selection }: RemovalProposal): Promise<string> {
  return digestOfParts(function* () {
    yield ["remove", store, selection.text];
    for (const { repository, part, tags, manifests } of plan) {
      yield [repository, part.kind];
      for (const { tag, fileId } of tags) yield [tag, fileId];
      yield manifests;
    }
  });
}

/** Like `restoreDigest`, for a tag that is set. */
export function retagDigest({
  store,
  repository,
  source,
  tag,
  digest,
  previous,
}: RetagProposal): Promise<string> {
  return digestOfParts(() => [["tag", store, repository, source, tag, digest, previous]]);
}

async function digestOfParts(parts: () => Iterable<unknown>): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  const pace = new Pace(0.5);
  for (const part of parts()) {
    hash.update(`${JSON.stringify(part)}\n`);
    await pace.rest();
  }
  return hash.digest("hex").slice(0, HEX);
}
