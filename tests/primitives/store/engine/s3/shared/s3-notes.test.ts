import { expect, test } from "bun:test";
import { S3Notes } from "../../../../../../src/primitives/store/engine/s3/shared/s3-notes.ts";
import { bucketAt, sharedS3Server } from "../../../../../support/s3-server.ts";
import { describeWith } from "../../../../../support/tools.ts";

describeWith(["versitygw"], "notes in a bucket", () => {
  const nextLocation = sharedS3Server();

  test("that nodes add are listed and read by all, of each topic and store by itself, until somebody removes them", async () => {
    const bucket = bucketAt(nextLocation());
    const notesOf = (node: string, topic = "pulls", store = "a") =>
      new S3Notes(bucket, { store, topic, node });
    const [first, second] = [notesOf("first"), notesOf("second")];
    await first.add(new Uint8Array([1]));
    await first.add(new Uint8Array([2]));
    await second.add(new Uint8Array([3]));
    const names = await second.names();
    const read = await Promise.all(names.map((name) => second.read(name)));
    expect(read.map((bytes) => bytes?.[0]).toSorted()).toEqual([1, 2, 3]);
    expect(await notesOf("first", "other").names()).toEqual([]);
    expect(await notesOf("first", "pulls", "b").names()).toEqual([]);
    await first.remove(names.slice(0, 2));
    expect(await first.names()).toEqual(names.slice(2));
    expect(await first.read(names[0] ?? "")).toBeUndefined();
  });
});
