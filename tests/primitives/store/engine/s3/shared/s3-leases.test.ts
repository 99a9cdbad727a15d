import { describe, expect, test } from "bun:test";
import type { S3Response } from "../../../../../../src/primitives/s3/s3-exchange.ts";
import type { S3Location } from "../../../../../../src/primitives/s3/s3-location.ts";
import { LEASE_TERM_MS } from "../../../../../../src/primitives/store/engine/s3/shared/s3-lease.ts";
import { S3Leases } from "../../../../../../src/primitives/store/engine/s3/shared/s3-leases.ts";
import { afterThisTest } from "../../../../../support/cleanup.ts";
import { ManualClock } from "../../../../../support/memory-engine/manual-clock.ts";
import { TroubledClient } from "../../../../../support/s3-node.ts";
import { bucketAt, sharedS3Server } from "../../../../../support/s3-server.ts";
import { describeWith } from "../../../../../support/tools.ts";
import { leaseName } from "../../../contract/describe-leases.ts";

const MERGE = leaseName("merge");

function nodeAt(location: S3Location, node: string, clock = new ManualClock()) {
  const client = new TroubledClient(location);
  const leases = new S3Leases(client.bucket(), node, clock);
  const acquire = async (holder = node) => {
    const outcome = await leases.acquire(MERGE, holder);
    if (outcome.kind === "held") throw new Error(`the lease is held by ${outcome.by}`);
    afterThisTest(() => outcome.lease.release());
    return outcome.lease;
  };
  return { client, clock, leases, acquire };
}

describeWith(["versitygw"], "leases in a bucket", () => {
  const nextLocation = sharedS3Server();

  describe("when the network fails", () => {
    test("a lease whose acquisition was done without a response is held by the node that asked for it", async () => {
      const location = nextLocation();
      const node = nodeAt(location, "a");
      node.client.trouble = ({ method }) => (method === "PUT" ? "unanswered" : undefined);
      const lease = await node.acquire();
      expect(lease.isHeld()).toBe(true);
      expect(await nodeAt(location, "b").leases.acquire(MERGE, "b")).toEqual({ kind: "held", by: "a" });
    });

    test("an acquisition that did not arrive rejects, and the next one may succeed", async () => {
      const node = nodeAt(nextLocation(), "a");
      node.client.trouble = ({ method }) => (method === "PUT" ? "lost" : undefined);
      await expect(node.leases.acquire(MERGE, "a")).rejects.toThrow("cut off");
      node.client.trouble = () => undefined;
      expect((await node.acquire()).isHeld()).toBe(true);
    });

    test("a lease is kept over renewals that are lost, or done without a response, for less than a term", async () => {
      for (const trouble of ["lost", "unanswered"] as const) {
        const location = nextLocation();
        const [node, other] = [nodeAt(location, "a"), nodeAt(location, "b")];
        const lease = await node.acquire();
        for (let rounds = 0; rounds < 3; rounds++) {
          node.client.trouble = ({ method }) => (method === "PUT" ? trouble : undefined);
          await node.clock.advance(LEASE_TERM_MS / 2);
          node.client.trouble = () => undefined;
          await node.clock.advance(LEASE_TERM_MS / 2);
          await other.clock.advance(LEASE_TERM_MS);
          expect(await other.leases.acquire(MERGE, "b")).toEqual({ kind: "held", by: "a" });
        }
        expect([trouble, lease.isHeld(), lease.lost.aborted]).toEqual([trouble, true, false]);
      }
    });

    test("a release after a renewal without a response frees the lease at once", async () => {
      const location = nextLocation();
      const node = nodeAt(location, "a");
      const lease = await node.acquire();
      node.client.trouble = ({ method }) => (method === "PUT" ? "unanswered" : undefined);
      await node.clock.advance(LEASE_TERM_MS / 2);
      node.client.trouble = () => undefined;
      await lease.release();
      expect((await nodeAt(location, "b").acquire()).isHeld()).toBe(true);
    });

    test("a release while the node is cut off does not reject, and the term ends the lease", async () => {
      const location = nextLocation();
      const [node, other] = [nodeAt(location, "a"), nodeAt(location, "b")];
      const lease = await node.acquire();
      node.client.trouble = () => "lost";
      await lease.release();
      expect((await other.leases.acquire(MERGE, "b")).kind).toBe("held");
      await other.clock.advance(LEASE_TERM_MS);
      expect((await other.acquire()).isHeld()).toBe(true);
    });

    test("a lease is lost at the end of its term while the object store lets a renewal wait", async () => {
      const location = nextLocation();
      const node = nodeAt(location, "a");
      const lease = await node.acquire();
      const waits = Promise.withResolvers<S3Response>();
      node.client.send = () => waits.promise;
      const isRenewing = node.clock.advance(LEASE_TERM_MS / 3);
      node.clock.hang(LEASE_TERM_MS);
      // The timer of the end is due although that of the renewal has not come back.
      await node.clock.advance(0);
      expect(lease.lost.aborted).toBe(true);
      waits.reject(new Error("the test is over"));
      await isRenewing;
      expect(lease.isHeld()).toBe(false);
    });
  });

  test("a lease ends for a machine that was suspended, although its monotonic clock stood still", async () => {
    const clock = new ManualClock();
    let suspendedMs = 0;
    const wall = () => clock.now() + suspendedMs;
    const leases = new S3Leases(bucketAt(nextLocation()), "a", {
      now: clock.now,
      wall,
      after: (ms, task) => clock.after(ms, task),
    });
    const outcome = await leases.acquire(MERGE, "a");
    if (outcome.kind === "held") throw new Error("it is held");
    suspendedMs = LEASE_TERM_MS;
    expect([outcome.lease.isHeld(), outcome.lease.lost.aborted]).toEqual([false, true]);
  });

  test("an object that holds something else counts as a held lease for a term, and is replaced then", async () => {
    const location = nextLocation();
    for (const text of ["", "no JSON", '{"format":2}', '{"format":1,"node":7}', "[]"]) {
      await bucketAt(location).put("leases/merge", new Uint8Array(Buffer.from(text)));
      const node = nodeAt(location, "a");
      expect([text, await node.leases.acquire(MERGE, "a")]).toEqual([text, { kind: "held", by: undefined }]);
      await node.clock.advance(LEASE_TERM_MS);
      await (await node.acquire()).release();
    }
  });
});
