import { expect, test } from "bun:test";
import { digestOf } from "../../../../../../src/primitives/digest.ts";
import { BlobSizeCounter } from "../../../../../../src/primitives/store/blobs/blob-sizes.ts";
import { BlobTotals } from "../../../../../../src/primitives/store/engine/s3/content/blob-totals.ts";
import { ContentKeys } from "../../../../../../src/primitives/store/engine/s3/content/content-keys.ts";
import { PART_BYTES } from "../../../../../../src/primitives/store/engine/s3/content/part-memory.ts";
import { bodyOf } from "../../../../../support/body-of.ts";
import { eventually } from "../../../../../support/eventually.ts";
import { MemoryLeases } from "../../../../../support/memory-engine/memory-leases.ts";
import { randomBytes } from "../../../../../support/random-bytes.ts";
import { contentNode, keysIn } from "../../../../../support/s3-content.ts";
import { sharedS3Server } from "../../../../../support/s3-server.ts";
import { describeWith } from "../../../../../support/tools.ts";
import { STORE } from "../../../contract/engines.ts";

describeWith(["versitygw"], "the total of the blobs in a bucket", () => {
  const nextLocation = sharedS3Server();

  test("is counted by one node for all, without a look at each blob or what open uploads hold", async () => {
    const content = await contentNode(nextLocation());
    const { begin, find, uploads, client } = content;
    const bucket = client.bucket();
    const push = async (bytes: Uint8Array) => {
      const { id } = await begin();
      await uploads.append(await find(id), bodyOf(bytes), true);
      await uploads.finish({ ...(await find(id)), size: bytes.length }, digestOf(bytes));
    };
    const small = Array.from({ length: 10 }, () => randomBytes(1000));
    for (const bytes of small) await push(bytes);
    await push(randomBytes(PART_BYTES + 500_000));
    const sessions = `stores/${STORE}/uploads/`;
    expect(await eventually(async () => (await keysIn(bucket, sessions)).length === 0)).toBe(true);
    const open = await begin();
    await uploads.append(await find(open.id), bodyOf(randomBytes(2_000_000)));

    const records = new Map();
    const totals = ["a", "b"].map((node) => {
      const leases = new MemoryLeases(records);
      return new BlobTotals({ bucket, keys: new ContentKeys(STORE), store: STORE, leases, node });
    });
    const methods: string[] = [];
    client.trouble = ({ method, key }) =>
      void methods.push(`${method} ${key === undefined ? "list" : "object"}`);
    const counters = totals.map((one) => {
      const blobs = { ...content.blobs, total: (step: () => void) => one.read(step) };
      return new BlobSizeCounter(blobs as never, () => expect.unreachable());
    });
    const [a, b] = [await counters[0]?.first(), await counters[1]?.first()];
    expect(a).toEqual(b);
    expect(a?.blobs).toBe(11);
    // The object of a large blob has a line of its own.
    expect((a?.bytes ?? 0) - PART_BYTES - 510_000).toBeWithin(0, 200);
    expect(methods).not.toContain("HEAD object");
    expect(methods.filter((one) => one === "GET list")).toHaveLength(4);
    counters[0]?.added(digestOf(randomBytes(10)), 1000);
    expect(counters[0]?.latest()?.blobs).toBe(12);
  });
});
