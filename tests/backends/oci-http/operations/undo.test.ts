import { describe, expect, test } from "bun:test";
import { copyRepository } from "../../../../src/backends/oci-http/operations/copy.ts";
import { parseMoment } from "../../../../src/backends/oci-http/operations/moment.ts";
import { carryOutRemoval, proposeRemoval } from "../../../../src/backends/oci-http/operations/remove.ts";
import { parseSelection } from "../../../../src/backends/oci-http/operations/selection.ts";
import { showCommit } from "../../../../src/backends/oci-http/operations/show.ts";
import {
  carryOutUndo,
  isUndone,
  mayUndo,
  previewUndo,
  proposeUndo,
} from "../../../../src/backends/oci-http/operations/undo.ts";
import { parseTagPattern } from "../../../../src/backends/oci-http/policy/immutable-tags.ts";
import { ConflictError, FrozenError, NotAllowedError } from "../../../../src/backends/refusals.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { actorWith, type Roles } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, registryOver } from "../../../support/registry-services.ts";

const OWNER: Roles = { "http/oci/default": "owner" };
const WRITER: Roles = { "http/oci/default": "writer" };
const COPY = "team/copy" as RepositoryName;

function momentOf(commit: string | undefined) {
  const moment = parseMoment(commit ?? "");
  if (!moment) throw new Error(`'${commit}' is no moment`);
  return moment;
}

async function registry() {
  const store = await TestStore.open();
  const services = registryOver(store);
  const head = () => store.oci.store.head().commitId ?? ("" as ObjectId);
  const tree = async () => (await store.oci.store.commitAt(head())).tree;
  const propose = (commit: string = head(), roles = OWNER) =>
    proposeUndo(services, actorWith(roles), { instance: DEFAULT, commit: momentOf(commit) });
  const undo = async (commit: string = head(), roles = OWNER) => {
    const { commit: made } = await carryOutUndo(services, actorWith(roles), await propose(commit, roles));
    return made ?? ("" as ObjectId);
  };
  const remove = async (text: string) => {
    const selection = parseSelection(text);
    if (!selection) throw new Error(`'${text}' selects nothing`);
    const request = { instance: DEFAULT, selection };
    return carryOutRemoval(
      services,
      actorWith(OWNER),
      await proposeRemoval(services, actorWith(OWNER), request),
    );
  };
  return { store, services, head, tree, propose, undo, remove };
}

describe("an undo", () => {
  test("of each kind of change gives the tree before it, and an undo of the undo the one after it", async () => {
    const { store, services, head, tree, undo, remove } = await registry();
    const { digest } = await store.image(["v1", "v2"]);
    await store.image("v3");
    const changes = {
      "a push that moves a tag": () => store.image("v1"),
      "a push of a new tag": () => store.image("v4"),
      "a deletion of a tag": () => store.delete("v2"),
      "a deletion of a manifest": () => remove(`${APP}@${digest}`),
      "a deletion of several tags": () => remove(`${APP}:v1,v3,none`),
      "a deletion of a repository": () => remove(APP),
      "a copy": () =>
        copyRepository(services, actorWith(OWNER), { instance: DEFAULT, from: APP, to: COPY, kind: "copy" }),
      "a rename": () =>
        copyRepository(services, actorWith(OWNER), {
          instance: DEFAULT,
          from: APP,
          to: COPY,
          kind: "rename",
        }),
    };
    const start = await tree();
    for (const [name, change] of Object.entries(changes)) {
      await change();
      const [changed, commit] = [await tree(), head()];
      const undone = await undo(commit);
      expect([name, await tree(), head()]).toEqual([name, start, undone]);
      const redone = await undo(undone);
      expect([name, await tree(), head()]).toEqual([name, changed, redone]);
      await undo(redone);
      expect([name, await tree()]).toEqual([name, start]);
    }
  });

  test("says in its commit what it undid", async () => {
    const { store, head, undo } = await registry();
    const first = await store.image("v1");
    const second = await store.image("v1");
    const pushed = head();
    const { message, author } = await store.oci.store.commitAt(await undo());
    expect(author.name).toBe("alice");
    expect(message).toBe(
      [
        `undo ${pushed.slice(0, 12)} (team/app:v1)`,
        "",
        "Repository: team/app",
        "Tag: v1",
        `Previous: ${second.digest}`,
        `Digest: ${first.digest}`,
        `Undoes: ${pushed}`,
        "Client: test",
        "Remote: 127.0.0.1",
        "",
      ].join("\n"),
    );
  });

  test("changes nothing but what the commit changed", async () => {
    const { store, head, undo } = await registry();
    await store.image(["v1", "v2"]);
    await store.delete("v1");
    const commit = head();
    const later = await store.image(["v2", "v3"]);
    await undo(commit);
    expect(store.tags()).toEqual(["v1", "v2", "v3"]);
    expect(store.oci.index.tagDigest(APP, "v2" as Tag)).toBe(later.digest);
  });

  test("is refused, and names the tag, if that has changed since", async () => {
    const { store, head, propose } = await registry();
    await store.image("v1");
    await store.image("v1");
    const commit = head();
    await store.image("v1");
    await expect(propose(commit)).rejects.toEqual(
      new ConflictError(`nothing was changed: 'team/app:v1' has changed since ${commit.slice(0, 12)}`),
    );
  });

  test("is refused if the tag is pushed between the proposal and the commit", async () => {
    const { store, services, head, propose } = await registry();
    await store.image("v1");
    const proposal = await propose();
    await store.image("v1");
    const newest = head();
    await expect(carryOutUndo(services, actorWith(OWNER), proposal)).rejects.toThrow(
      "'team/app:v1' has moved meanwhile",
    );
    expect(head()).toBe(newest);
  });

  test("keeps a manifest that a later tag or index needs", async () => {
    const { store, head, propose, undo } = await registry();
    const tagged = await store.image("v1");
    const commit = head();
    await store.manifest("v2", APP, await manifestJson(store, tagged.digest));
    expect((await propose(commit)).manifests).toEqual({ restored: 0, deleted: 0, needed: 1, undeletable: 0 });
    await undo(commit);
    expect(store.tags()).toEqual(["v2"]);
    const child = await store.image([]);
    const pushed = head();
    const index = await store.index("multi", [child]);
    await expect(propose(pushed).then(isUndone)).resolves.toBe(true);
    await undo();
    expect(store.oci.index.hasManifest(APP, index.digest)).toBe(false);
    expect(store.oci.index.hasManifest(APP, child.digest)).toBe(true);
  });

  test("is refused if something that needs a deleted manifest is pushed between the proposal and the commit", async () => {
    const { store, services, propose } = await registry();
    const child = await store.image("v1");
    const proposal = await propose();
    await store.index("multi", [child]);
    await expect(carryOutUndo(services, actorWith(OWNER), proposal)).rejects.toThrow(
      `something that was pushed to 'team/app' meanwhile needs ${child.digest}`,
    );
    expect(store.tags()).toEqual(["multi", "v1"]);
  });

  test("by a writer moves tags back and keeps what was added, but deletes no tag", async () => {
    const { store, propose, undo } = await registry();
    const first = await store.image("v1");
    const second = await store.image("v1");
    await undo(undefined, WRITER);
    expect(store.oci.index.tagDigest(APP, "v1" as Tag)).toBe(first.digest);
    expect(store.oci.index.hasManifest(APP, second.digest)).toBe(true);
    await store.image("v2");
    await expect(propose(undefined, WRITER)).rejects.toEqual(
      new NotAllowedError("undoing requires delete access to 'team/app', which 'alice' has not"),
    );
  });

  test("of a commit in repositories that the actor may not read names none of them", async () => {
    const { store, services, head, propose } = await registry();
    await store.image("v1");
    const stranger: Roles = { "http/oci/default/other": "owner", "http/oci/default/team/copy": "owner" };
    const refusalOf = (commit: string) =>
      new NotAllowedError(`no commit '${commit}' that changed what you may read`);
    await expect(propose(head(), stranger)).rejects.toEqual(refusalOf(head()));
    await expect(propose("0123456789", stranger)).rejects.toEqual(refusalOf("0123456789"));
    await copyRepository(services, actorWith(OWNER), {
      instance: DEFAULT,
      from: APP,
      to: COPY,
      kind: "rename",
    });
    await expect(propose(head(), stranger)).rejects.toEqual(
      new NotAllowedError(`'${head()}' changed something that you may not read, so you can't undo it`),
    );
  });

  test("a second time changes nothing", async () => {
    const { store, head, propose, undo } = await registry();
    await store.image("v1");
    await store.delete("v1");
    const deleted = head();
    await undo();
    const newest = head();
    expect(isUndone(await propose(deleted))).toBe(true);
    expect(head()).toBe(newest);
  });

  test("is refused by a registry at a past state, and one whose tags are write-once", async () => {
    const { store, services, head, propose } = await registry();
    await store.image("v1");
    await store.image("v1");
    const pattern = parseTagPattern("v*");
    services.set({ immutable: pattern ? [pattern] : [] });
    await expect(propose()).rejects.toThrow("'team/app:v1' is write-once");
    const preview = await previewUndo(services, actorWith(OWNER), {
      instance: DEFAULT,
      commit: momentOf(head()),
    });
    expect(preview.obstacle?.moves).toMatchObject([{ tag: "v1" }]);
    services.set({ immutable: [], at: head() });
    await expect(propose()).rejects.toBeInstanceOf(FrozenError);
  });

  test("is offered to those who may change everything that is shown of the commit", async () => {
    const { store, services, head } = await registry();
    await store.image("v1");
    await store.image("v1");
    const [config] = services.instances.list();
    if (!config) throw new Error("there is no registry");
    const offered = async (roles: Roles) => {
      const actor = actorWith(roles);
      const request = { instance: DEFAULT, commit: momentOf(head()), limit: 10 };
      const { changes } = await showCommit(services, actor, request);
      return mayUndo(actor, config, changes.entries);
    };
    expect(
      await Promise.all([OWNER, WRITER, { "http/oci/default": "reader" } as const].map(offered)),
    ).toEqual([true, true, false]);
  });
});

async function manifestJson(store: TestStore, digest: string) {
  const { content } = store.oci.index.manifest(APP, digest as never) ?? {};
  const { schemaVersion: _, ...json } = JSON.parse(new TextDecoder().decode(content));
  return json as { mediaType: string };
}
