import type { Digest } from "../../../primitives/digest.ts";
import type { NamedContent } from "../../../registry/model/manifest.ts";
import { BlobFetch } from "../mirror/blob-fetch.ts";
import { cameTo } from "../mirror/own-blob.ts";
import { keepForClient } from "../store/blob-traces.ts";
import { InstanceUploads } from "../store/instance-uploads.ts";
import { CopyFault } from "./copy-fault.ts";
import type { PatientUpstream } from "./patient-upstream.ts";

/** Session limits of this server; the blob is tried again. */
const BUSY_MS = 5000;
const MAX_BUSY = 60;

/** Fetches blobs from an upstream into the store, as far as it lacks them. */
export class BlobCopies {
  readonly #upstream: PatientUpstream;
  readonly #received: (bytes: number) => void;

  /** `received` is called with the bytes of each piece. */
  constructor(upstream: PatientUpstream, received: (bytes: number) => void) {
    this.#upstream = upstream;
    this.#received = received;
  }

  /** Whether the store has it; a collector keeps it from now on for its time of grace. */
  async has(digest: Digest): Promise<boolean> {
    const { oci } = this.#upstream.request.registry;
    oci.recency.touch(digest);
    return (await keepForClient(oci, digest)) && (await oci.blobs.stat(digest)) !== undefined;
  }

  /** Resolves with whether it had to be fetched. Throws `CopyFault`. */
  async bring({ digest, size }: Pick<NamedContent, "digest" | "size">): Promise<boolean> {
    if (await this.has(digest)) {
      await this.#link(digest);
      return false;
    }
    for (let tries = 0; ; tries++) {
      const failure = await this.#fetch(digest, size);
      if (!failure) return true;
      if (failure.kind === "unknown") throw new CopyFault(`upstream has no blob ${digest}`);
      if (failure.kind === "refused") throw new CopyFault(failure.reason, true);
      if (failure.kind === "unsound") throw new CopyFault(failure.reason);
      if ("retryAfterSeconds" in failure) {
        if (tries >= MAX_BUSY) throw new CopyFault(failure.reason, true);
        await Bun.sleep(BUSY_MS);
      } else {
        this.#upstream.refused(failure);
        await this.#upstream.rested();
      }
      this.#upstream.signal.throwIfAborted();
    }
  }

  /** What another repository has brought is not fetched again, if upstream has it in this one too. */
  async #link(digest: Digest): Promise<void> {
    const { registry, repository, from } = this.#upstream.request;
    if (await cameTo(registry.oci, repository, digest)) return;
    const found = await this.#upstream.ask((signal) => from.upstream.headBlob(from.name, digest, signal));
    if (!found) throw new CopyFault(`upstream has no blob ${digest}`);
    await registry.oci.changes.linkBlob(repository, digest, 0);
  }

  async #fetch(digest: Digest, size: number) {
    const { signal, request } = this.#upstream;
    const { registry, repository, from, author } = request;
    await this.#upstream.rested();
    const uploads = new InstanceUploads(registry.oci, () => author, registry.config);
    const fetch = new BlobFetch(
      { repository, digest, from, size },
      { uploads, directory: registry.oci.directory },
      {
        signal,
        begun: () => undefined,
        received: this.#received,
        brokeOff: (failure) => this.#upstream.noteFailure(failure),
      },
    );
    return fetch.run();
  }
}
