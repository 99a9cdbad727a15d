import { expect, test } from "bun:test";
import { FetchRoom } from "../../../../src/backends/oci-http/mirror/fetch-room.ts";

/** A disk with 100 bytes of room. */
function open() {
  const disk = { free: 100 };
  const room = new FetchRoom(() => disk.free);
  const stopping = new AbortController();
  const reserve = (bytes: number, isSpooled: boolean) =>
    room.reserve({ directory: "/", bytes, isSpooled, signal: stopping.signal });
  return { disk, reserve, stopping };
}

test("fetches that would fill the disk together are refused before they begin", async () => {
  const { disk, reserve } = open();
  const first = await reserve(60, false);
  await expect(reserve(60, false)).rejects.toMatchObject({ code: "ENOSPC" });
  await reserve(40, false);
  disk.free = 70;
  first.arrived(30);
  await expect(reserve(1, false)).rejects.toMatchObject({ code: "ENOSPC" });
});

test("a fetch whose bytes are on the disk for a while waits for the room of others", async () => {
  const { reserve } = open();
  const first = await reserve(60, true);
  const second = reserve(60, true);
  const order: string[] = [];
  const noted = second.then(() => order.push("second"));
  await Bun.sleep(0);
  order.push("released");
  first.release();
  await noted;
  expect(order).toEqual(["released", "second"]);
});

test("a blob that is larger than the disk is refused where nothing else is fetched", async () => {
  const { reserve } = open();
  await expect(reserve(101, true)).rejects.toMatchObject({ code: "ENOSPC" });
});

test("a fetch that waits for room ends when the server stops", async () => {
  const { reserve, stopping } = open();
  await reserve(60, true);
  const second = reserve(60, true);
  stopping.abort(new Error("the server stops"));
  await expect(second).rejects.toThrow("the server stops");
});
