import { describe, expect, test } from "bun:test";
import { type CopyRequest, copyRepository } from "../../../../src/backends/oci-http/operations/copy.ts";
import { readLog } from "../../../../src/backends/oci-http/operations/log.ts";
import { parseMoment } from "../../../../src/backends/oci-http/operations/moment.ts";
import { carryOutRestore, proposeRestore } from "../../../../src/backends/oci-http/operations/restore.ts";
import { showCommit } from "../../../../src/backends/oci-http/operations/show.ts";
import { parseTagPattern } from "../../../../src/backends/oci-http/policy/immutable-tags.ts";
import {
  ExistsError,
  FrozenError,
  NotAllowedError,
  NotFoundError,
} from "../../../../src/backends/refusals.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { actorWith, type Roles } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { all, DEFAULT, registryOver } from "../../../support/registry-services.ts";

const OWNER: Roles = { "http/oci/default": "owner" };
const NEW = "new/app" as RepositoryName;

async function registry() {
  const store = await TestStore.open();
  const image = await store.image(["v1", "v2"]);
  const signature = await store.image([], { subject: image });
  const services = registryOver(store);
  const run = (kind: CopyRequest["kind"], roles = OWNER, from = APP, to = NEW) =>
    copyRepository(services, actorWith(roles), { instance: DEFAULT, from, to, kind });
  const content = (name: RepositoryName) => {
    const { index } = store.oci;
    const page = index.referrers(name, image.digest, {
      artifactType: undefined,
      last: "",
      limit: 9,
      maxBytes: 9999,
    });
    const digests = page.entries.map(({ digest }) => digest);
    return [store.tags(name), [...index.manifestsOf(name)].sort(), digests];
  };
  const logOf = async (repository: RepositoryName, roles = OWNER) =>
    (await all(readLog(services, actorWith(roles), { instance: DEFAULT, repository }))).map(
      ({ subject }) => subject,
    );
  return { store, services, image, signature, run, content, logOf };
}

const EMPTY = [[], [], []];

test("a copy has the tags, manifests and referrers of the repository, in one commit and with no bytes written", async () => {
  const { store, image, run, content } = await registry();
  const whole = content(APP);
  expect(whole[2]).toHaveLength(1);
  const { commit, tags, manifests } = await run("copy");
  expect([tags, manifests, content(APP), content(NEW)]).toEqual([2, 2, whole, whole]);
  const { author, message, parents } = await store.oci.store.commitAt(commit);
  expect([author.name, message.split("\n")[0], parents.length]).toEqual([
    "alice",
    "copy team/app to new/app",
    1,
  ]);
  const stored = await store.oci.committed.manifest(NEW, { kind: "digest", digest: image.digest });
  expect(stored?.digest).toBe(image.digest);
});

test("an index that is rebuilt from the commits knows a copy", async () => {
  const { store, run } = await registry();
  await run("copy");
  const before = store.oci.derived.dump(NEW);
  store.oci.damaged({ reason: "test", path: store.oci.location.indexPath });
  const deadline = Date.now() + 5000;
  const { id } = store.oci.location;
  while (store.oci.location.id === id && Date.now() < deadline) await Bun.sleep(5);
  expect(store.oci.location.id).not.toBe(id);
  expect(store.oci.derived.dump(NEW)).toBe(before);
});

test("a rename leaves nothing under the old name, whose history shows it and whose tags can be restored", async () => {
  const { store, services, run, content, logOf } = await registry();
  const whole = content(APP);
  const before = store.oci.store.head().commitId ?? "";
  await run("rename");
  expect([content(APP), content(NEW)]).toEqual([EMPTY, whole]);
  expect((await logOf(APP))[0]).toBe("rename team/app to new/app");
  expect(await logOf(APP)).toHaveLength(3);
  expect(await logOf(NEW)).toEqual(["rename team/app to new/app"]);
  await run("rename", OWNER, NEW, APP);
  expect([content(APP), content(NEW)]).toEqual([whole, EMPTY]);
  await run("rename");
  const moment = parseMoment(before);
  if (!moment) throw new Error("there is no moment");
  const target = { kind: "repository", repository: APP } as const;
  const proposal = await proposeRestore(services, actorWith(OWNER), { instance: DEFAULT, target, moment });
  await carryOutRestore(services, actorWith(OWNER), proposal);
  expect(content(APP)).toEqual(whole);
});

test("layers that only a link gives to the repository belong to the copy too", async () => {
  const { store, run } = await registry();
  const mediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar";
  const layer = await store.blob("foreign", { mediaType });
  await store.image("v3", { layers: [layer] });
  await run("copy");
  expect(await store.oci.links.has(NEW, layer.digest)).toBe(true);
});

test("the log and a commit name no repository that a user may not read", async () => {
  const { services, run, logOf } = await registry();
  const { commit } = await run("copy");
  const reader: Roles = { "http/oci/default/new/**": "reader" };
  const hidden = "copy that involves a repository which you may not read";
  expect(await logOf(NEW, reader)).toEqual([hidden]);
  const moment = parseMoment(commit);
  if (!moment) throw new Error("there is no moment");
  const shown = await showCommit(services, actorWith(reader), {
    instance: DEFAULT,
    commit: moment,
    limit: 9,
  });
  expect(shown.message).toBe(`${hidden}\n`);
  expect(JSON.stringify(shown.changes)).not.toContain(APP);
});

describe("a copy is refused", () => {
  test("without pull access to the one and push access to the other, and a rename without delete access", async () => {
    const { run, content } = await registry();
    const hidden = new NotAllowedError("no repository 'team/app' in 'default' that you may read");
    await expect(run("copy", { "http/oci/default/new/**": "owner" })).rejects.toEqual(hidden);
    const roles: Roles = { "http/oci/default/team/**": "writer", "http/oci/default/new/**": "reader" };
    await expect(run("copy", roles)).rejects.toThrow("copying requires push access to 'new/app'");
    const writer: Roles = { "http/oci/default": "writer" };
    await expect(run("rename", writer)).rejects.toThrow("renaming requires delete access to 'team/app'");
    await expect(run("copy", OWNER, "none" as RepositoryName)).rejects.toBeInstanceOf(NotFoundError);
    expect(content(NEW)).toEqual(EMPTY);
  });

  test("if the new repository holds something, or is the same", async () => {
    const { store, run } = await registry();
    await store.image([], { repository: NEW });
    await expect(run("copy")).rejects.toEqual(new ExistsError("the repository 'new/app' exists already"));
    await expect(run("copy", OWNER, APP, APP)).rejects.toThrow("'team/app' is the repository itself");
  });

  test("on a registry at a past state, and a rename of write-once tags", async () => {
    const { store, services, run } = await registry();
    const pattern = parseTagPattern("v1");
    services.set({ immutable: pattern ? [pattern] : [] });
    await expect(run("rename")).rejects.toEqual(
      new NotAllowedError("nothing was changed: 'team/app:v1' is write-once (immutable=)"),
    );
    services.set({ at: store.oci.store.head().commitId });
    await expect(run("copy")).rejects.toBeInstanceOf(FrozenError);
  });

  test("over the quota of a repository or of the registry", async () => {
    const { services, run } = await registry();
    services.set({ repositoryQuota: 100 });
    await expect(run("rename")).rejects.toThrow(
      "the quota of the repository 'new/app' is 100 B; 'team/app' has",
    );
    services.set({ repositoryQuota: undefined, quota: 1000 });
    await expect(run("copy")).rejects.toThrow("the quota of the registry is 1000 B, of which");
    await run("rename");
  });
});
