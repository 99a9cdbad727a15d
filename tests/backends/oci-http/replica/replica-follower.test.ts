import { describe, expect, test } from "bun:test";
import { PrimaryError } from "../../../../src/backends/oci-http/replica/primary-error.ts";
import {
  type FollowerOptions,
  ReplicaFollower,
} from "../../../../src/backends/oci-http/replica/replica-follower.ts";
import type { Logger } from "../../../../src/primitives/logging/logger.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { eventually } from "../../../support/eventually.ts";
import { NearPrimary } from "../../../support/near-primary.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";

const head = ({ oci }: TestStore) => oci.store.head().commitId;
const log = async ({ oci }: TestStore) => (await Array.fromAsync(oci.store.history())).map(({ id }) => id);

/** A replica that follows a primary until the test ends, and what it logs. */
async function following(primary: TestStore, replica?: TestStore) {
  const own = replica ?? (await TestStore.open());
  const near = new NearPrimary(primary.oci);
  const logged: string[] = [];
  const say = (message: string) => void logged.push(message);
  const logger: Logger = { info: say, warn: say, error: (message, cause) => say(`${message}: ${cause}`) };
  const options: FollowerOptions = {
    name: "eu",
    oci: own.oci,
    primary: near,
    log: logger,
    pausesMs: [1],
    divergedPauseMs: 1,
    missingPausesMs: [1],
  };
  const follower = new ReplicaFollower(options);
  const stop = new AbortController();
  const running = follower.run(stop.signal);
  const end = async () => {
    stop.abort();
    await running;
  };
  afterThisTest(end);
  const caughtUp = () =>
    eventually(() => follower.progress.status.state.kind === "complete" && head(own) === head(primary));
  return { replica: own, near, follower, logged, caughtUp, end };
}

describe("a replica", () => {
  test("has the commits of its primary with the same ids, its tags and blobs, and follows pushes and deletions", async () => {
    const primary = await TestStore.open();
    const first = await primary.image("first");
    const { replica, caughtUp, follower } = await following(primary);
    await caughtUp();
    await primary.image(["second", "latest"]);
    await primary.delete(first);
    await caughtUp();
    expect(await log(replica)).toEqual(await log(primary));
    expect(replica.tags()).toEqual(["latest", "second"]);
    const { commits, lagSeconds, lackingBlobs } = follower.progress.status;
    expect([commits, lagSeconds, lackingBlobs]).toEqual([3, 0, 0]);
    expect(await replica.oci.derived.dump(APP)).toBe(await primary.oci.derived.dump(APP));
  });

  test("shows a manifest only when it has all blobs that it names", async () => {
    const primary = await TestStore.open();
    const layer = await primary.blob("a layer");
    await primary.image("app", { layers: [layer] });
    const { replica, caughtUp, near } = await following(primary);
    const states: boolean[] = [];
    const release = replica.oci.store.onMoved(() => states.push(replica.has(layer)));
    afterThisTest(release);
    await caughtUp();
    expect([states, near.asked]).toEqual([[true], [0, 0]]);
  });

  test("goes on with a blob where its transfer was cut off", async () => {
    const primary = await TestStore.open();
    const layer = await primary.blob("0123456789");
    await primary.manifest("app", APP, {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: layer,
      layers: [],
    });
    const { replica, near, caughtUp } = await following(primary);
    near.cuts.push(4, 3);
    await caughtUp();
    expect(near.asked).toEqual([0, 4, 7]);
    expect(replica.has(layer)).toBe(true);
  });

  test("is not stopped by blobs of deleted images that the primary has collected", async () => {
    const primary = await TestStore.open();
    const gone = await primary.blob("gone");
    await primary.image("old", { layers: [gone] });
    await primary.delete("old");
    await primary.oci.blobs.remove(gone.digest, () => true);
    await primary.image("new");
    const { replica, caughtUp, follower } = await following(primary);
    await caughtUp();
    expect(follower.progress.status.lackingBlobs).toBe(1);
    expect(replica.tags()).toEqual(["new"]);
  });

  test("gets blobs that its primary, a mirror, fetches later, also after a restart, and asks for none that nothing names", async () => {
    const primary = await TestStore.open();
    const [soon, later, never] = await Promise.all(
      ["soon", "later", "never"].map((text) => primary.blob(text)),
    );
    if (!soon || !later || !never) throw new Error("there are no blobs");
    let image: Awaited<ReturnType<TestStore["image"]>> | undefined;
    for (const layer of [soon, later, never]) {
      image = await primary.image(`of-${layer.digest.slice(-8)}`, { layers: [layer] });
      await primary.oci.blobs.remove(layer.digest, () => true);
    }
    const first = await following(primary);
    await first.caughtUp();
    expect(first.follower.progress.status.missingBlobs).toBe(3);
    await primary.blob("soon");
    await eventually(() => first.replica.has(soon));
    await eventually(() => first.follower.progress.status.missingBlobs === 2);
    await first.end();
    const again = await following(primary, first.replica);
    await eventually(() => again.follower.progress.status.missingBlobs === 2);
    await primary.blob("later");
    await eventually(() => again.replica.has(later));
    if (image) await primary.delete(image);
    await eventually(() => again.follower.progress.status.missingBlobs === 0);
    expect(again.replica.has(never)).toBe(false);
  });

  test("says once each why it can't follow its primary, and catches up when it can", async () => {
    const primary = await TestStore.open();
    await primary.image("a");
    const { caughtUp, follower, near, logged } = await following(primary);
    await caughtUp();
    near.failure = new PrimaryError("https://primary.test can't be reached");
    await primary.image("b");
    await eventually(() => follower.progress.trouble !== undefined);
    near.failure = new PrimaryError("https://primary.test wants a login");
    await eventually(() => follower.progress.trouble === "https://primary.test wants a login");
    await primary.delete("a");
    near.failure = undefined;
    await caughtUp();
    expect(logged.filter((line) => line.includes("can't follow for now"))).toEqual([
      "the replica 'eu' can't follow for now: https://primary.test can't be reached",
      "the replica 'eu' can't follow for now: https://primary.test wants a login",
    ]);
    expect(logged.at(-1)).toBe("the replica 'eu' follows again");
    expect(follower.progress.status.trouble).toBeUndefined();
  });

  test("whose primary was restored from a backup stops, keeps its commits, and says so; it gives them up when it is told to", async () => {
    const primary = await TestStore.open();
    await primary.image("a");
    const backup = await following(primary);
    await backup.caughtUp();
    await backup.end();
    const restored = backup.replica;
    await primary.image("b");
    await primary.image("c");
    const { replica, caughtUp, near, follower, logged } = await following(primary);
    await caughtUp();
    near.oci = restored.oci;
    // Ends the request that waits for the next commit.
    await primary.image("d");
    await eventually(() => follower.divergence !== undefined);
    expect(follower.divergence).toMatchObject({ own: 3, common: head(restored), ours: head(replica) });
    expect(follower.progress.status.state).toMatchObject({
      reason: expect.stringContaining("as if it was restored from a backup"),
    });
    expect(logged.filter((line) => line.includes("does not follow any more"))).toHaveLength(1);
    expect(replica.tags()).toEqual(["a", "b", "c", "d"]);
    if (follower.divergence) follower.giveUp(follower.divergence.ours);
    await eventually(() => head(replica) === head(restored));
    expect(replica.tags()).toEqual(["a"]);
    await restored.image("e");
    await eventually(() => replica.tags().includes("e"));
    expect(await log(replica)).toEqual(await log(restored));
  });

  test("of which the primary has gone on in another way says where they part, and takes the other way when it is told to", async () => {
    const primary = await TestStore.open();
    await primary.image("a");
    const copy = await following(primary);
    await copy.caughtUp();
    await copy.end();
    const { replica } = copy;
    const common = head(primary);
    for (let i = 0; i < 5; i++) await primary.delete(await primary.image(`theirs-${i}`));
    await primary.image("theirs");
    await replica.image("ours");
    const { follower, caughtUp, logged } = await following(primary, replica);
    await eventually(() => follower.divergence !== undefined);
    expect(follower.divergence).toMatchObject({ common, own: 1, ours: head(replica), theirs: head(primary) });
    expect(logged.filter((line) => line.includes("in another way"))).toHaveLength(1);
    expect(replica.tags()).toEqual(["a", "ours"]);
    if (follower.divergence) follower.giveUp(follower.divergence.ours);
    await caughtUp();
    expect(replica.tags()).toEqual(["a", "theirs"]);
    expect(await log(replica)).toEqual(await log(primary));
  });
});
