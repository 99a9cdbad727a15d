import { type Digest, digestOf } from "../../src/primitives/digest.ts";
import type { Everlock } from "../support/everlock.ts";
import { clientOf, nodeAt } from "./nodes.ts";

const CHUNK = 200_000;
const MAX_STEPS = 400;

/** Sends a request to the nodes in turn, until one answers; a node that was killed does not. */
class Nodes {
  #turn: number;
  readonly #nodes: readonly Everlock[];
  failures = 0;

  constructor(nodes: readonly Everlock[], first: number) {
    this.#nodes = nodes;
    this.#turn = first;
  }

  async fetch(path: string, init: Parameters<ReturnType<typeof clientOf>["fetch"]>[1] = {}) {
    const response = await clientOf(nodeAt(this.#nodes, this.#turn++))
      .fetch(path, init)
      .catch(() => undefined);
    if (response === undefined || response.status >= 500) this.failures++;
    return response;
  }
}

/**
 * Uploads a blob in chunks, each through another node, and goes on from what the upload holds whenever a node fails. Resolves
 * with how often it went on so; throws if the upload is gone, and there is no blob.
 */
export async function uploadThroughNodes(
  nodes: readonly Everlock[],
  first: number,
  bytes: Uint8Array,
): Promise<{ readonly digest: Digest; readonly resumed: number }> {
  const digest = digestOf(bytes);
  const through = new Nodes(nodes, first);
  let location: string | undefined;
  let resumed = 0;
  for (let step = 0; step < MAX_STEPS; step++) {
    if (location === undefined) {
      const started = await through.fetch("blobs/uploads/", { method: "POST" });
      if (started?.status === 202) location = started.headers.get("Location") ?? undefined;
      continue;
    }
    const status = await through.fetch(location);
    if (status?.status === 404) {
      // As after a PUT that was done and whose response was lost.
      const blob = await through.fetch(`blobs/${digest}`, { method: "HEAD" });
      if (blob?.status === 200) return { digest, resumed };
      if (blob?.status === 404) throw new Error("an upload is gone, of which chunks were acknowledged");
      continue;
    }
    if (status?.status !== 204) continue;
    const held = Number(status.headers.get("Range")?.split("-")[1] ?? -1) + 1;
    const at = held > 1 ? held : 0;
    const failures = through.failures;
    if (at === bytes.length) {
      const done = await through.fetch(`${location}?digest=${digest}`, { method: "PUT" });
      if (done?.status === 201) return { digest, resumed };
    } else {
      const chunk = bytes.slice(at, at + CHUNK);
      const headers = { "Content-Range": `${at}-${at + chunk.length - 1}` };
      await through.fetch(location, { method: "PATCH", body: new Uint8Array(chunk), headers });
    }
    if (through.failures > failures) resumed++;
  }
  throw new Error("an upload did not end");
}
