import type { UpstreamFailure } from "../../../registry/client/upstream-answer.ts";
import type { InstanceName } from "../settings/instance-config.ts";

/** What the upstreams of a registry have given since the server started. */
export interface RegistryCounts {
  /** Manifests and blobs that were fetched. */
  manifests: number;
  blobs: number;
  /** Bytes that were received of both. */
  bytes: number;
  /** Tags that upstream was asked about. */
  unchanged: number;
  moved: number;
  /** Pulls that needed nothing of upstream. */
  hits: number;
  readonly failures: Record<UpstreamFailure["kind"], number>;
}

/** How a registry with an upstream fares since the server started. */
export interface MirrorRecord {
  readonly registry: InstanceName;
  /** URLs, with commas between them where parts come from several. */
  readonly upstream: string;
  readonly counts: RegistryCounts;
}

export class MirrorCounts {
  readonly #counts = new Map<InstanceName, RegistryCounts>();

  of(name: InstanceName): RegistryCounts {
    let counts = this.#counts.get(name);
    if (!counts) {
      counts = {
        manifests: 0,
        blobs: 0,
        bytes: 0,
        unchanged: 0,
        moved: 0,
        hits: 0,
        failures: { unknown: 0, denied: 0, limited: 0, unavailable: 0, invalid: 0 },
      };
      this.#counts.set(name, counts);
    }
    return counts;
  }

  list(): readonly (readonly [InstanceName, RegistryCounts])[] {
    return [...this.#counts];
  }

  keep(names: ReadonlySet<InstanceName>): void {
    for (const name of this.#counts.keys()) if (!names.has(name)) this.#counts.delete(name);
  }
}
