import { decodePage } from "../../src/backends/oci-http/feed/history-page.ts";
import type { PrimaryClient } from "../../src/backends/oci-http/replica/primary-client.ts";
import { PrimaryError } from "../../src/backends/oci-http/replica/primary-error.ts";
import type { OciStore } from "../../src/backends/oci-http/store/oci-store.ts";

/** A primary in this process; a test can replace its store, or let it fail. */
export class NearPrimary implements PrimaryClient {
  readonly url = "https://primary.test";
  oci: OciStore;
  /** Is thrown by each request while it is there. */
  failure: PrimaryError | undefined;
  /** Bytes of a blob after which its transfer breaks off, once for each entry. */
  readonly cuts: number[] = [];
  /** Offsets from which blobs were asked for. */
  readonly asked: number[] = [];

  constructor(oci: OciStore) {
    this.oci = oci;
  }

  history: PrimaryClient["history"] = async ({ haves, skip, waitSeconds }, signal) => {
    signal.throwIfAborted();
    if (this.failure) throw this.failure;
    const answering = this.oci.feed.page({ haves, skip, waitMs: waitSeconds * 1000 });
    const aborted = new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason)),
    );
    const answer = await Promise.race([answering, aborted]);
    if (answer.kind === "page") return { kind: "page", page: await decodePage(new Uint8Array(answer.body)) };
    if (answer.kind === "busy") throw new PrimaryError("busy");
    return answer;
  };

  blob: PrimaryClient["blob"] = async (digest, from) => {
    if (this.failure) throw this.failure;
    const blob = await this.oci.blobs.open(digest);
    if (!blob) return undefined;
    this.asked.push(from);
    const cut = this.cuts.shift();
    async function* body() {
      const bytes = Buffer.from(await new Response(blob?.stream()).arrayBuffer()).subarray(from);
      yield bytes.subarray(0, cut);
      if (cut !== undefined) throw new PrimaryError("cut off");
    }
    return { body: body(), size: blob.size - from, discard: () => undefined };
  };

  close(): void {}
}
