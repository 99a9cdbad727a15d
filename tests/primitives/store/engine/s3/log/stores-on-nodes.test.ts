import { expect, test } from "bun:test";
import type { S3Bucket } from "../../../../../../src/primitives/s3/s3-bucket.ts";
import { Store } from "../../../../../../src/primitives/store/commits/store.ts";
import { type StorePath, storePath } from "../../../../../../src/primitives/store/commits/store-path.ts";
import type { ObjectId } from "../../../../../../src/primitives/store/git/object-id.ts";
import { MemoryS3 } from "../../../../../support/memory-s3.ts";
import { commitsOf, openNodeLog } from "../../../../../support/s3-commits.ts";
import { bucketAt, startS3Server } from "../../../../../support/s3-server.ts";
import { describeWith } from "../../../../../support/tools.ts";

const meta = (message: string) => ({ author: { name: "alice", email: "alice@everlock" }, message });
const openStore = async (bucket: S3Bucket) => Store.open("app", commitsOf(await openNodeLog(bucket, "app")));

interface Push {
  readonly commitId: ObjectId | undefined;
  readonly path: StorePath;
  readonly content: string;
  readonly ms: number;
}

/** Pushers on all nodes move tags for a while; answers all acknowledged moves, by node. */
async function pushAll(stores: readonly Store[], pushers: number, ms: number): Promise<Push[][]> {
  const end = performance.now() + ms;
  return Promise.all(
    stores.map(async (store, node) => {
      const pushes: Push[] = [];
      const pusher = async (number: number) => {
        for (let i = 0; performance.now() < end; i++) {
          const path = storePath(`tags/${(number + i) % 7}`);
          const content = `${node} ${number} ${i}`;
          const began = performance.now();
          const { commitId } = await store.write(path, Buffer.from(content), meta(content));
          pushes.push({ commitId, path, content, ms: performance.now() - began });
        }
      };
      await Promise.all(Array.from({ length: pushers }, (_, number) => pusher(number)));
      return pushes;
    }),
  );
}

async function expectOneHistory(stores: readonly Store[], pushes: readonly Push[]): Promise<void> {
  const [first] = stores;
  for (const store of stores) {
    await store.refresh();
    expect(store.head().commitId).toBe(first?.head().commitId);
  }
  const history = await Array.fromAsync(first?.history() ?? []);
  const subjects = history.map(({ commit }) => commit.message.trim());
  expect(subjects.toSorted()).toEqual(pushes.map(({ content }) => content).toSorted());
  expect(history.map(({ id }) => String(id)).toSorted()).toEqual(
    pushes.map(({ commitId }) => String(commitId)).toSorted(),
  );
  for (const path of new Set(pushes.map((push) => push.path))) {
    const ofPath = pushes.filter((push) => push.path === path).map(({ content }) => content);
    const last = subjects.find((subject) => ofPath.includes(subject));
    expect(Buffer.from((await first?.read(path)) ?? []).toString()).toBe(String(last));
  }
}

test("pushes on a node that is ten times as far from the store as the others are let in", async () => {
  const s3 = new MemoryS3();
  const slow = s3.bucket();
  const stores = [await openStore(s3.bucket()), await openStore(s3.bucket()), await openStore(slow)];
  const { send } = slow.client;
  slow.client.send = async (request) => {
    await Bun.sleep(20);
    return send.call(slow.client, request);
  };
  const pushes = await pushAll(stores, 4, 3000);
  slow.client.send = send;
  await expectOneHistory(stores, pushes.flat());
  // Where nothing lets it in, it gets in when the others have ended.
  const waits = (pushes[2] ?? []).map(({ ms }) => ms);
  expect(waits.length).toBeGreaterThan(4);
  expect(Math.max(...waits)).toBeLessThan(2500);
}, 20_000);

describeWith(["versitygw"], "tags moved by 48 pushers on three nodes", () => {
  test("are each in the history once, all nodes agree, and no pusher waits for long", async () => {
    const location = await startS3Server();
    const stores = await Promise.all([0, 1, 2].map(() => openStore(bucketAt(location))));
    const pushes = await pushAll(stores, 16, 1500);
    await expectOneHistory(stores, pushes.flat());
    expect(Math.max(...pushes.flat().map(({ ms }) => ms))).toBeLessThan(5000);
    const counts = pushes.map(({ length }) => length);
    expect(Math.min(...counts)).toBeGreaterThan(Math.max(...counts) / 10);
  }, 60_000);
});
