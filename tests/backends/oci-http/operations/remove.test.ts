import { describe, expect, spyOn, test } from "bun:test";
import { readLog } from "../../../../src/backends/oci-http/operations/log.ts";
import { parseMoment } from "../../../../src/backends/oci-http/operations/moment.ts";
import {
  carryOutRemoval,
  proposeRemoval,
  type RemovalProposal,
} from "../../../../src/backends/oci-http/operations/remove.ts";
import { carryOutRestore, proposeRestore } from "../../../../src/backends/oci-http/operations/restore.ts";
import { parseSelection, type Selection } from "../../../../src/backends/oci-http/operations/selection.ts";
import { parseTagPattern } from "../../../../src/backends/oci-http/policy/immutable-tags.ts";
import { FrozenError, NotAllowedError, NotFoundError } from "../../../../src/backends/refusals.ts";
import { Snapshot } from "../../../../src/primitives/store/commits/snapshot.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { ADMINISTRATOR, actorWith, type Roles } from "../../../support/actors.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { all, DEFAULT, registryOver } from "../../../support/registry-services.ts";

const OWNER: Roles = { "http/oci/default": "owner" };
const WEB = "team/web" as RepositoryName;

function selected(text: string): Selection {
  const selection = parseSelection(text);
  if (!selection) throw new Error(`'${text}' selects nothing`);
  return selection;
}

async function registry() {
  const store = await TestStore.open();
  const services = registryOver(store);
  const propose = (text: string, roles = OWNER) =>
    proposeRemoval(services, actorWith(roles), { instance: DEFAULT, selection: selected(text) });
  const remove = async (text: string, roles = OWNER) =>
    carryOutRemoval(services, actorWith(roles), await propose(text, roles));
  const restore = async (text: string, moment: string) => {
    const when = parseMoment(moment);
    if (!when) throw new Error("there is no moment");
    const target = { kind: "selection", selection: selected(text) } as const;
    const proposal = await proposeRestore(services, actorWith(OWNER), {
      instance: DEFAULT,
      target,
      moment: when,
    });
    await carryOutRestore(services, actorWith(OWNER), proposal);
    return proposal;
  };
  return { store, services, propose, remove, restore };
}

function content(store: TestStore, ...repositories: RepositoryName[]) {
  return repositories.map((name) => [store.tags(name), [...store.oci.index.manifestsOf(name)].sort()]);
}

async function messageAt({ oci }: TestStore, commit: ObjectId): Promise<string> {
  return (await oci.store.commitAt(commit)).message;
}

describe("a deletion", () => {
  test("is planned without reading the file of each tag, where many tags name one manifest", async () => {
    const { store, propose } = await registry();
    const names = Array.from({ length: 40 }, (_, i) => `v${i}`);
    const { digest } = await store.image(names);
    await store.image("other");
    const read = spyOn(Snapshot.prototype, "read");
    afterThisTest(() => read.mockRestore());
    const files = () => read.mock.calls.filter(([path]) => path.includes("/_tags/"));
    const plan = ({ plan: [removal] }: RemovalProposal) => removal?.tags.map(({ tag }) => String(tag)).sort();
    expect(plan(await propose(`team/app@${digest}`))).toEqual(names.toSorted());
    // One to see what it names, and one for each tag that the preview lists.
    expect(files().length).toBeLessThanOrEqual(1 + names.length);
    expect(plan(await propose("team/app:v*"))).toEqual(names.toSorted());
    expect(files().length).toBeLessThanOrEqual(1 + 2 * names.length);
  });

  test("of a tag keeps its manifest, says what lost its last tag, and has the commit of one over HTTP", async () => {
    const { store, propose, remove, restore } = await registry();
    const { digest } = await store.image(["v1"]);
    const proposal = await propose("team/app:v1");
    expect(proposal).toMatchObject({
      counts: { repositories: 1, tags: 1, manifests: 0 },
      tags: [{ repository: APP, tag: "v1", digest }],
      untagged: 1,
    });
    expect(store.tags()).toEqual(["v1"]);
    const { commit, before } = await remove("team/app:v1");
    expect([store.tags(), store.oci.index.hasManifest(APP, digest)]).toEqual([[], true]);
    expect(await messageAt(store, commit)).toStartWith(`delete team/app:v1\n\nRepository: ${APP}\nTag: v1\n`);
    await restore("team/app:v1", before);
    expect(store.tags()).toEqual(["v1"]);
  });

  test("of a manifest deletes its tags, and a restore of it brings back both", async () => {
    const { store, remove, restore } = await registry();
    const { digest } = await store.image(["v1", "v2"]);
    await store.image(["v3"]);
    const { before } = await remove(`team/app@${digest}`);
    expect([store.tags(), store.oci.index.hasManifest(APP, digest)]).toEqual([["v3"], false]);
    await restore(`team/app@${digest}`, before);
    expect([store.tags(), store.oci.index.hasManifest(APP, digest)]).toEqual([["v1", "v2", "v3"], true]);
  });

  test("of a repository is one commit, and a restore brings back manifests without a tag too", async () => {
    const { store, remove, restore } = await registry();
    const image = await store.image(["v1", "v2"]);
    await store.image([], { subject: image });
    await store.index([], [await store.image([])]);
    const whole = content(store, APP);
    const { commit, before } = await remove(APP);
    expect(content(store, APP)).toEqual([[[], []]]);
    expect(store.oci.index.manifestsOf(APP)).toEqual([]);
    const [subject] = (await messageAt(store, commit)).split("\n");
    expect(subject).toBe("delete team/app (2 tags and 4 manifests)");
    const proposal = await restore(APP, before);
    expect([proposal.moves.length, proposal.untagged]).toEqual([2, 2]);
    expect(content(store, APP)).toEqual(whole);
  });

  test("by pattern is one commit for all repositories, shown in the log of each, and undone by one restore", async () => {
    const { store, services, remove, restore } = await registry();
    for (const repository of [APP, WEB]) await store.image(["pr-1", "pr-2", "v1"], { repository });
    const whole = content(store, APP, WEB);
    const { commit, before } = await remove("team/**:pr-*");
    expect([store.tags(APP), store.tags(WEB)]).toEqual([["v1"], ["v1"]]);
    const message = await messageAt(store, commit);
    expect(message).toStartWith(
      "delete team/**:pr-* (4 tags in 2 repositories)\n\nDeletes: team/**:pr-*\nTags: 4\n",
    );
    for (const filter of [{}, { repository: APP }, { repository: WEB }]) {
      const log = await all(readLog(services, actorWith(OWNER), { instance: DEFAULT, ...filter }));
      expect(log[0]?.commitId).toBe(commit);
    }
    const proposal = await restore("team/**:pr-*", before);
    expect([proposal.moves.length, content(store, APP, WEB)]).toEqual([4, whole]);
  });

  test("of many tags has a message of bounded length", async () => {
    const { store, remove } = await registry();
    await store.image(Array.from({ length: 300 }, (_, i) => `pr-${i}`));
    const message = await messageAt(store, (await remove("team/app:pr-*")).commit);
    expect(message.split("\n")[0]).toBe("delete team/app:pr-* (300 tags)");
    expect(message.match(/^Tag: /gm)).toHaveLength(100);
  });
});

describe("a deletion is refused", () => {
  test("as a whole if one repository may not be deleted from, and what may not be read is not selected", async () => {
    const { store, propose, remove } = await registry();
    for (const repository of [APP, WEB]) await store.image(["pr-1"], { repository });
    const roles: Roles = { "http/oci/default/team/app": "owner", "http/oci/default/team/web": "writer" };
    const refusal = new NotAllowedError(
      "deleting requires delete access to 'team/web', which 'alice' has not",
    );
    await expect(propose("team/**:pr-*", roles)).rejects.toEqual(refusal);
    expect(store.tags(APP)).toEqual(["pr-1"]);
    await remove("team/**:pr-*", { "http/oci/default/team/app": "owner" });
    expect([store.tags(APP), store.tags(WEB)]).toEqual([[], ["pr-1"]]);
    // The same words whether it exists or not.
    await expect(propose("team/none", roles)).rejects.toThrow("requires delete access to 'team/none'");
  });

  test("on a registry at a past state and for write-once tags, also if that was set after the proposal", async () => {
    const { store, services, propose } = await registry();
    await store.image(["v1"]);
    const proposal = await propose(APP);
    const carryOut = () => carryOutRemoval(services, actorWith(OWNER), proposal);
    const at = store.oci.store.head().commitId;
    services.set({ immutable: [parseTagPattern("v*") ?? never()] });
    const fixed = new NotAllowedError("nothing was changed: 'team/app:v1' is write-once (immutable=)");
    await expect(propose(APP)).rejects.toEqual(fixed);
    await expect(carryOut()).rejects.toEqual(fixed);
    services.set({ immutable: [], at });
    await expect(propose(APP)).rejects.toBeInstanceOf(FrozenError);
    await expect(carryOut()).rejects.toBeInstanceOf(FrozenError);
    expect(store.tags()).toEqual(["v1"]);
  });

  test("if something moved between the proposal and the commit", async () => {
    const { store, services, propose } = await registry();
    const { digest } = await store.image(["v1"]);
    const proposals = [];
    for (const text of [`${APP}:v*`, APP, `${APP}@${digest}`]) proposals.push(await propose(text));
    const other = await propose(`${APP}:v1`);
    await store.image(["v2"]);
    const carryOut = (proposal: typeof other) => carryOutRemoval(services, actorWith(OWNER), proposal);
    await expect(carryOut(proposals[1] ?? never())).rejects.toThrow("'team/app' has changed meanwhile");
    await store.image(["v1"]);
    for (const proposal of proposals)
      await expect(carryOut(proposal)).rejects.toThrow("'team/app' has changed meanwhile");
    expect(store.tags()).toEqual(["v1", "v2"]);
  });

  test("of a manifest that got another tag meanwhile", async () => {
    const { store, services, propose } = await registry();
    const config = await store.blob("config");
    const json = { mediaType: "application/vnd.oci.image.manifest.v1+json", config, layers: [] };
    const { digest } = await store.manifest(["v1"], APP, json);
    const proposal = await propose(`${APP}@${digest}`);
    await store.manifest(["v2"], APP, json);
    await expect(carryOutRemoval(services, actorWith(OWNER), proposal)).rejects.toThrow(
      "has changed meanwhile",
    );
  });

  test("if nothing matches", async () => {
    const { propose } = await registry();
    await expect(propose("team/**:pr-*", ADMINISTRATOR)).rejects.toEqual(
      new NotFoundError("nothing in 'default' matches 'team/**:pr-*'"),
    );
  });
});

function never(): never {
  throw new Error("missing");
}
