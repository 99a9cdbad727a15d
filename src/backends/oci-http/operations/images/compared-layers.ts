import type { Page } from "../../../../registry/model/page.ts";
import type { NamedDescriptor } from "./descriptors.ts";
import { type ImageConfig, layerSteps } from "./image-config.ts";

export interface ComparedLayer extends NamedDescriptor {
  readonly change: "added" | "removed" | "shared";
  readonly createdBy: string | undefined;
}

export interface ComparedLayers {
  /** Those that differ first. */
  readonly layers: Page<ComparedLayer>;
  /** Bytes of the layers, each once. */
  readonly sizes: { readonly added: number; readonly removed: number; readonly shared: number };
  readonly counts: { readonly added: number; readonly removed: number; readonly shared: number };
}

interface Layered {
  readonly layers: readonly NamedDescriptor[];
  readonly image: ImageConfig | undefined;
}

/** Most layers that are listed. */
const MAX_LAYERS = 500;

export function compareLayers(from: Layered, to: Layered): ComparedLayers {
  const [before, after] = [withSteps(from), withSteps(to)];
  const kept = new Set(after.map(({ digest }) => digest));
  const known = new Set(before.map(({ digest }) => digest));
  const removed = before.flatMap((layer) =>
    kept.has(layer.digest) ? [] : [{ ...layer, change: "removed" as const }],
  );
  const added = after.flatMap((layer) =>
    known.has(layer.digest) ? [] : [{ ...layer, change: "added" as const }],
  );
  const shared = after.flatMap((layer) =>
    known.has(layer.digest) ? [{ ...layer, change: "shared" as const }] : [],
  );
  const all = [...removed, ...added, ...shared];
  const total = (layers: readonly NamedDescriptor[]) => layers.reduce((sum, { size }) => sum + size, 0);
  return {
    layers: { entries: all.slice(0, MAX_LAYERS), more: all.length > MAX_LAYERS },
    sizes: { added: total(added), removed: total(removed), shared: total(shared) },
    counts: { added: added.length, removed: removed.length, shared: shared.length },
  };
}

/** Each layer once: an image may have the same one several times. */
function withSteps({ layers, image }: Layered) {
  const steps = layerSteps(image, layers.length);
  const seen = new Map<string, NamedDescriptor & Pick<ComparedLayer, "createdBy">>();
  for (const [i, layer] of layers.entries())
    if (!seen.has(layer.digest)) seen.set(layer.digest, { ...layer, createdBy: steps[i]?.createdBy });
  return [...seen.values()];
}
