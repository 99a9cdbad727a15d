import { describe, expect, test } from "bun:test";
import { changeable } from "../../../../src/backends/oci-http/operations/change-rights.ts";
import {
  NothingToDoError,
  promoteReplica,
  resyncReplica,
} from "../../../../src/backends/oci-http/operations/replicas.ts";
import { PrimaryError } from "../../../../src/backends/oci-http/replica/primary-error.ts";
import { Replicas } from "../../../../src/backends/oci-http/replica/replicas.ts";
import { changeFault } from "../../../../src/backends/oci-http/settings/check-effects.ts";
import type { InstanceConfig } from "../../../../src/backends/oci-http/settings/instance-config.ts";
import { NotAllowedError, UnconfirmedError } from "../../../../src/backends/refusals.ts";
import { consoleLogger } from "../../../../src/primitives/logging/logger.ts";
import { MoveListeners } from "../../../../src/primitives/store/commits/move-listeners.ts";
import { ADMINISTRATOR, actorWith } from "../../../support/actors.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { eventually } from "../../../support/eventually.ts";
import { NearPrimary } from "../../../support/near-primary.ts";
import { TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, registryOver } from "../../../support/registry-services.ts";

const UPSTREAM = "https://primary.test";
const administrator = actorWith(ADMINISTRATOR);
const owner = actorWith({ "http/oci/default": "owner" });

/** Settings that need an upstream. */
const OF_UPSTREAM = { upstreamCa: "/ca.pem", nsVhosts: ["mirror.test"] };

/** A registry `default` that follows a store in this process, and the services of operations on it. */
async function replicaOf(primary: TestStore) {
  const own = await TestStore.open();
  const near = new NearPrimary(primary.oci);
  const registry = registryOver(own, { follow: "all", upstream: UPSTREAM, ...OF_UPSTREAM });
  const changes = new MoveListeners();
  const set = async (_actor: unknown, _name: unknown, settings: Partial<InstanceConfig>) => {
    registry.set(settings);
    changes.tell();
    await Bun.sleep(0);
    return true;
  };
  const instances = { ...registry.instances, changes, set };
  const replicas = new Replicas({
    instances,
    primaryOf: () => near,
    sharing: undefined,
    log: { ...consoleLogger, info: () => undefined, warn: () => undefined },
    againMs: 1,
    follower: { pausesMs: [1], divergedPauseMs: 1 },
  });
  afterThisTest(() => replicas.close());
  const isComplete = () => eventually(() => replicas.list()[0]?.state.kind === "complete");
  const config = () => instances.list()[0];
  return { own, near, replicas, services: { instances, replicas }, isComplete, config };
}

describe("a replica", () => {
  test("is refused to all who would change it, until an administrator promotes it; then it follows nothing", async () => {
    const primary = await TestStore.open();
    await primary.image("a");
    const { own, services, isComplete, config, replicas } = await replicaOf(primary);
    await isComplete();
    const before = config();
    if (!before) throw new Error("there is no registry");
    expect(() => changeable(before, administrator)).toThrow(NotAllowedError);
    const request = { name: DEFAULT, isSure: false };
    await expect(promoteReplica(services, owner, request)).rejects.toThrow();
    expect(await promoteReplica(services, administrator, request)).toEqual({
      name: DEFAULT,
      primary: UPSTREAM,
      head: primary.oci.store.head().commitId,
    });
    const after = config();
    if (!after) throw new Error("there is no registry");
    expect(changeable(after, administrator)).toBe(after);
    expect([after.follow, after.upstream, replicas.list()]).toEqual([undefined, undefined, []]);
    // Nothing stays that would be in the way of its next change.
    expect([after.upstreamCa, after.nsVhosts, changeFault(undefined, after)]).toEqual([
      undefined,
      [],
      undefined,
    ]);
    await primary.image("b");
    await own.image("c");
    expect(own.tags()).toEqual(["a", "c"]);
    await expect(promoteReplica(services, administrator, request)).rejects.toThrow(NothingToDoError);
  });

  test("that may lack commits is promoted only by who confirms it", async () => {
    const primary = await TestStore.open();
    await primary.image("a");
    const { services, near, isComplete, replicas } = await replicaOf(primary);
    await isComplete();
    near.failure = new PrimaryError("it is gone");
    await primary.image("b");
    await eventually(() => replicas.list()[0]?.trouble !== undefined);
    const request = { name: DEFAULT, isSure: false };
    await expect(promoteReplica(services, administrator, request)).rejects.toThrow(UnconfirmedError);
    expect(await promoteReplica(services, administrator, { ...request, isSure: true })).toMatchObject({
      name: DEFAULT,
    });
  });

  test("gives up commits only where it has some that the primary lacks, and only if that is confirmed", async () => {
    const primary = await TestStore.open();
    await primary.image("a");
    const { own, services, isComplete, replicas } = await replicaOf(primary);
    await isComplete();
    const request = { name: DEFAULT, isSure: false };
    await expect(resyncReplica(services, administrator, request)).rejects.toThrow(NothingToDoError);
    await own.image("ours");
    await primary.image("theirs");
    await eventually(() => replicas.list()[0]?.state.kind === "diverged");
    await expect(resyncReplica(services, administrator, request)).rejects.toThrow(UnconfirmedError);
    expect(own.tags()).toEqual(["a", "ours"]);
    await resyncReplica(services, administrator, { ...request, isSure: true });
    await isComplete();
    expect(own.tags()).toEqual(["a", "theirs"]);
  });
});
