import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { parseMoment } from "../../../../src/backends/oci-http/operations/moment.ts";
import {
  carryOutRestore,
  MovedMeanwhileError,
  proposeRestore,
  type RestoreTarget,
} from "../../../../src/backends/oci-http/operations/restore.ts";
import { parseTagPattern } from "../../../../src/backends/oci-http/policy/immutable-tags.ts";
import {
  ConflictError,
  FrozenError,
  NotAllowedError,
  NotFoundError,
} from "../../../../src/backends/refusals.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { ADMINISTRATOR, actorWith, type Roles } from "../../../support/actors.ts";
import { blobPath } from "../../../support/blob-path.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, registryOver } from "../../../support/registry-services.ts";

const REPOSITORY: RestoreTarget = { kind: "repository", repository: APP };
const V1: RestoreTarget = { kind: "tag", repository: APP, tag: "v1" as Tag };
const EVERYTHING: RestoreTarget = { kind: "everything" };
const WRITER: Roles = { "http/oci/default/team/**": "writer" };
const OWNER: Roles = { "http/oci/default": "owner" };

/** A store with the tag `v1` at a moment after which `v2` came. */
async function storeWithNewerTag() {
  const store = await TestStore.open();
  const { digest } = await store.image("v1");
  const moment = parseMoment(headOf(store));
  if (!moment) throw new Error("there is no moment");
  await store.image("v2");
  const services = registryOver(store);
  const propose = (roles: Roles, target: RestoreTarget) =>
    proposeRestore(services, actorWith(roles), { instance: DEFAULT, target, moment });
  return { store, services, moment, digest, propose };
}

function headOf({ oci }: TestStore): string {
  return oci.store.head().commitId ?? "";
}

const WRITE_ONCE = parseTagPattern("v*");

describe("a restore", () => {
  test("is proposed with what would change, and changes that once it is carried out", async () => {
    const { store, services, moment, digest } = await storeWithNewerTag();
    await store.delete("v1");
    const actor = actorWith(WRITER);
    const proposal = await proposeRestore(services, actor, { instance: DEFAULT, target: V1, moment });
    expect(proposal).toMatchObject({
      from: moment.text,
      moves: [{ repository: APP, tag: "v1", before: undefined, after: digest }],
    });
    expect(store.tags()).toEqual(["v2"]);
    await carryOutRestore(services, actor, proposal);
    expect(store.tags()).toEqual(["v1", "v2"]);
    const { author, message } = await store.oci.store.commitAt(headOf(store) as ObjectId);
    expect(author).toMatchObject(actor.identity);
    expect(message).toEndWith(
      `\nRestores: ${moment.text}\nClient: ${actor.client}\nRemote: ${actor.remote}\n`,
    );
  });

  test("of what has not changed proposes nothing", async () => {
    const { propose } = await storeWithNewerTag();
    expect((await propose(WRITER, V1)).moves).toEqual([]);
  });

  test("that deletes no tag is a writer's, and one that does is an owner's", async () => {
    const { store, propose } = await storeWithNewerTag();
    await expect(propose(WRITER, REPOSITORY)).rejects.toEqual(
      new NotAllowedError(
        `restoring deletes tags and requires delete access to '${APP}', which 'alice' has not`,
      ),
    );
    expect((await propose(OWNER, REPOSITORY)).moves).toHaveLength(1);
    await store.delete("v1");
    expect((await propose(WRITER, V1)).moves).toHaveLength(1);
  });

  test("to a time before the first commit deletes everything, and says so first", async () => {
    const { store, services } = await storeWithNewerTag();
    const moment = parseMoment("2020-01-01");
    if (!moment) throw new Error("there is no moment");
    const actor = actorWith(OWNER);
    const request = { instance: DEFAULT, target: REPOSITORY, moment };
    await expect(proposeRestore(services, actorWith(WRITER), request)).rejects.toBeInstanceOf(
      NotAllowedError,
    );
    const proposal = await proposeRestore(services, actor, request);
    expect([proposal.from, proposal.moves.map(({ tag, after }) => [String(tag), after])]).toEqual([
      undefined,
      [
        ["v1", undefined],
        ["v2", undefined],
      ],
    ]);
    await carryOutRestore(services, actor, proposal);
    expect(store.tags()).toEqual([]);
    await expect(proposeRestore(services, actor, { ...request, target: V1 })).rejects.toEqual(
      new NotFoundError("there was no tag 'team/app:v1' before the first commit"),
    );
  });

  test("of everything is an administrator's", async () => {
    const { propose } = await storeWithNewerTag();
    await expect(propose(OWNER, EVERYTHING)).rejects.toEqual(
      new NotAllowedError("restoring all requires a system administrator, which 'alice' is not"),
    );
    expect((await propose(ADMINISTRATOR, EVERYTHING)).moves).toHaveLength(1);
  });
});

describe("a restore is refused", () => {
  test("to a reader, before it is looked whether the moment exists", async () => {
    const { services } = await storeWithNewerTag();
    const unknown = parseMoment("2020-01-01");
    if (!unknown) throw new Error("there is no moment");
    const request = { instance: DEFAULT, target: V1, moment: unknown };
    const proposed = proposeRestore(services, actorWith({ "http/oci/default": "reader" }), request);
    await expect(proposed).rejects.toEqual(
      new NotAllowedError(`restoring requires push access to '${APP}', which 'alice' has not`),
    );
  });

  test("on a registry that serves a past state, also if it became one after the proposal", async () => {
    const { store, services, propose } = await storeWithNewerTag();
    const proposal = await propose(OWNER, REPOSITORY);
    services.set({ at: headOf(store) as ObjectId });
    const refusal = new FrozenError("'default' serves a past state and is read-only");
    await expect(propose(OWNER, REPOSITORY)).rejects.toEqual(refusal);
    await expect(carryOutRestore(services, actorWith(OWNER), proposal)).rejects.toEqual(refusal);
    expect(store.tags()).toEqual(["v1", "v2"]);
  });

  test("of a write-once tag, also if it became one after the proposal", async () => {
    const { store, services, propose } = await storeWithNewerTag();
    const proposal = await propose(OWNER, REPOSITORY);
    services.set({ immutable: WRITE_ONCE ? [WRITE_ONCE] : [] });
    const words = `'${APP}:v2' is write-once and stands for ${store.oci.index.tagDigest(APP, "v2" as Tag)}; delete it first`;
    await expect(propose(OWNER, REPOSITORY)).rejects.toEqual(new NotAllowedError(words));
    await expect(carryOutRestore(services, actorWith(OWNER), proposal)).rejects.toEqual(
      new NotAllowedError(words),
    );
    expect(store.tags()).toEqual(["v1", "v2"]);
  });

  test("of a tag that did not exist then, whatever may be deleted, also where there is none now", async () => {
    const { propose, moment } = await storeWithNewerTag();
    for (const roles of [WRITER, OWNER]) {
      for (const tag of ["v2", "typo"]) {
        await expect(propose(roles, { ...V1, tag: tag as Tag })).rejects.toEqual(
          new NotFoundError(`there was no tag '${APP}:${tag}' at ${moment.text.slice(0, 12)}`),
        );
      }
    }
  });

  test("to a commit of which the actor may not know, in the same words as to one that does not exist", async () => {
    const { store, services } = await storeWithNewerTag();
    await store.image("v1", { repository: "other/app" as RepositoryName });
    const unseen = headOf(store);
    const restored = (text: string, roles: Roles, target: RestoreTarget = REPOSITORY) => {
      const moment = parseMoment(text);
      if (!moment) throw new Error("there is no moment");
      return proposeRestore(services, actorWith(roles), { instance: DEFAULT, target, moment });
    };
    for (const text of [unseen, unseen.slice(0, 8), "0123456789abcdef"])
      await expect(restored(text, WRITER)).rejects.toEqual(
        new NotAllowedError(`no commit '${text}' that changed what you may read`),
      );
    expect((await restored(unseen, OWNER)).moves).toEqual([]);
    const missing = restored("2099-01-01T00:00:00Z", WRITER, {
      kind: "tag",
      repository: APP,
      tag: "none" as Tag,
    });
    await expect(missing).rejects.toEqual(
      new NotFoundError(`there was no tag '${APP}:none' at 2099-01-01T00:00:00.000Z`),
    );
  });

  test("of a manifest whose bytes are gone, unless the registry may lack them", async () => {
    const { store, services, propose } = await storeWithNewerTag();
    const layer = await store.blob("a layer");
    await store.image("v3", { layers: [layer] });
    const moment = parseMoment(headOf(store));
    if (!moment) throw new Error("there is no moment");
    await store.delete("v3");
    rmSync(blobPath(store.dir, layer.digest));
    const request = { instance: DEFAULT, target: REPOSITORY, moment };
    await expect(proposeRestore(services, actorWith(OWNER), request)).rejects.toEqual(
      new ConflictError(`nothing was changed: the store no longer has ${layer.digest}`),
    );
    services.set({ references: "sparse" });
    expect((await proposeRestore(services, actorWith(OWNER), request)).moves).toHaveLength(1);
    expect((await propose(OWNER, REPOSITORY)).moves).toHaveLength(1);
  });

  test("once the actor has lost its role", async () => {
    const { store, services, moment } = await storeWithNewerTag();
    await store.delete("v1");
    const actor = actorWith(WRITER);
    const proposal = await proposeRestore(services, actor, { instance: DEFAULT, target: V1, moment });
    actor.become({ "http/oci/default": "reader" });
    await expect(carryOutRestore(services, actor, proposal)).rejects.toBeInstanceOf(NotAllowedError);
    expect(store.tags()).toEqual(["v2"]);
  });

  test("once a tag has moved, or the registry has another store", async () => {
    const { store, services, propose } = await storeWithNewerTag();
    const proposal = await propose(OWNER, REPOSITORY);
    await store.image("v2");
    const carryOut = () => carryOutRestore(services, actorWith(OWNER), proposal);
    await expect(carryOut()).rejects.toEqual(
      new MovedMeanwhileError(`nothing was changed: '${APP}:v2' has moved meanwhile`),
    );
    services.set({ store: "everlock-oci-other" as StoreName });
    await expect(carryOut()).rejects.toBeInstanceOf(MovedMeanwhileError);
    expect(store.tags()).toEqual(["v1", "v2"]);
  });
});
