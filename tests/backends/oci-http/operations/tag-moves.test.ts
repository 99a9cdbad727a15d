import { expect, test } from "bun:test";
import { tagPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { type TagMovesRequest, tagMoves } from "../../../../src/backends/oci-http/operations/tag-moves.ts";
import { InvalidArgumentError, NotAllowedError } from "../../../../src/backends/refusals.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { actorWith } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, registryOver } from "../../../support/registry-services.ts";

const READER = actorWith({ "http/oci/default/team/**": "reader" });
const PROD = "prod" as Tag;

async function storeWithMoves() {
  const store = await TestStore.open();
  const one = await store.image("prod");
  const two = await store.image("prod");
  await store.image("other");
  await store.delete("prod");
  const author = { name: "bob", email: "bob@everlock" };
  const content = Buffer.from(`${one.digest}\n`);
  await store.oci.store.write(tagPath(APP, PROD), content, { author, message: "fix prod" });
  const services = registryOver(store);
  const moves = (options: Partial<TagMovesRequest> = {}) =>
    tagMoves(services, READER, { instance: DEFAULT, repository: APP, tag: PROD, limit: 10, ...options });
  return { store, services, moves, one: one.digest, two: two.digest };
}

test("the line of a tag has each commit that set or deleted it, with the digests before and after", async () => {
  const { moves, one, two } = await storeWithMoves();
  const { entries, next } = await moves();
  expect(entries.map(({ kind, user, before, after }) => ({ kind, user, before, after }))).toEqual([
    { kind: "other", user: "bob", before: undefined, after: one },
    { kind: "delete", user: "alice", before: two, after: undefined },
    { kind: "push", user: "alice", before: one, after: two },
    { kind: "push", user: "alice", before: undefined, after: one },
  ]);
  expect(entries[2]).toMatchObject({ client: "test", remote: "127.0.0.1", subject: "push team/app:prod" });
  expect(entries[0]?.time).toBeInstanceOf(Date);
  expect(next).toBeUndefined();
});

test("pages join without a gap, whatever is pushed meanwhile", async () => {
  const { store, moves } = await storeWithMoves();
  const { entries: all } = await moves();
  const first = await moves({ limit: 2 });
  await store.image("prod");
  const second = await moves({ limit: 2, cursor: first.next });
  expect([...first.entries, ...second.entries]).toEqual([...all]);
  expect(second.next).toBeUndefined();
  await expect(moves({ cursor: "x" })).rejects.toBeInstanceOf(InvalidArgumentError);
});

test("a tag that never was has no moves, and one of a repository that may not be read is refused", async () => {
  const { moves, services, store } = await storeWithMoves();
  expect(await moves({ tag: "never" as Tag })).toEqual({ entries: [], next: undefined });
  for (const repository of ["hidden", "nowhere"] as RepositoryName[])
    await expect(moves({ repository })).rejects.toBeInstanceOf(NotAllowedError);
  services.set({ at: store.oci.store.head().commitId });
  await store.image("prod");
  expect((await moves()).entries).toHaveLength(4);
});
