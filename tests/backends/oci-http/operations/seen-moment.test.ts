import { describe, expect, test } from "bun:test";
import { diffMoments } from "../../../../src/backends/oci-http/operations/diff.ts";
import type { Moment } from "../../../../src/backends/oci-http/operations/moment.ts";
import { showCommit } from "../../../../src/backends/oci-http/operations/show.ts";
import { failureOf } from "../../../../src/primitives/errors/failure.ts";
import { ADMINISTRATOR, actorWith, type Roles } from "../../../support/actors.ts";
import { TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, registryOver } from "../../../support/registry-services.ts";

const commit = (prefix: string): Moment => ({ point: { kind: "commit", prefix }, text: prefix });

async function refusals(roles: Roles, beyond: boolean) {
  const store = await TestStore.open();
  await store.image("v1");
  const at = store.oci.store.head().commitId;
  await store.image("v2");
  const later = store.oci.store.head().commitId;
  const services = registryOver(store);
  if (beyond) services.set({ at });
  const moment = commit(beyond ? (later ?? "") : "0123456789");
  const actor = actorWith(roles);
  const show = showCommit(services, actor, { instance: DEFAULT, commit: moment, limit: 10 });
  const diff = diffMoments(services, actor, { instance: DEFAULT, from: moment, to: undefined }).next();
  const outcomes = await Promise.allSettled([show, diff]);
  return outcomes.map((outcome) => outcome.status === "rejected" && failureOf(outcome.reason).kind);
}

describe.each([
  ["beyond the past state that a registry serves", true],
  ["that does not exist", false],
] as const)("a commit %s", (_, beyond) => {
  test("is not found by who may read everything, alike by /oci show and /oci diff", async () => {
    expect(await refusals(ADMINISTRATOR, beyond)).toEqual(["not-found", "not-found"]);
    expect(await refusals({ "http/oci/default": "reader" }, beyond)).toEqual(["not-found", "not-found"]);
  });

  test("is refused to who may read a part, alike by /oci show and /oci diff", async () => {
    expect(await refusals({ "http/oci/default/team/**": "reader" }, beyond)).toEqual(["refused", "refused"]);
  });
});
