import { describe, expect, test } from "bun:test";
import type { InstanceRegistry } from "../../../../src/backends/oci-http/instances/instance-registry.ts";
import { parseMoment } from "../../../../src/backends/oci-http/operations/moment.ts";
import {
  changeRegistry,
  createRegistry,
  deleteRegistry,
  listRegistries,
  type NewRegistry,
  removeHost,
} from "../../../../src/backends/oci-http/operations/registries.ts";
import type {
  InstanceConfig,
  InstanceName,
} from "../../../../src/backends/oci-http/settings/instance-config.ts";
import {
  AdministratorOnlyError,
  InvalidArgumentError,
  NotFoundError,
  UnconfirmedError,
} from "../../../../src/backends/refusals.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import { UserDirectory } from "../../../../src/primitives/users/user-directory.ts";
import { ADMINISTRATOR, actorWith } from "../../../support/actors.ts";
import { TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, NO_REPLICAS, registryOver } from "../../../support/registry-services.ts";
import { userOf } from "../../../support/ssh-server.ts";

const TEAM = "team" as InstanceName;
const TEAM_STORE = "everlock-oci-test" as StoreName;

/** One registry, `default`, and the user `bob`; what is changed is written down instead of done. */
async function openRegistries(settings: Partial<InstanceConfig> = {}) {
  const store = await TestStore.open();
  const { list } = registryOver(store, settings).instances;
  const changes: unknown[][] = [];
  const note =
    (what: string) =>
    async (author: { readonly name: string }, ...args: unknown[]) =>
      void changes.push([what, author.name, ...args]);
  const instances = {
    list,
    outages: () => [],
    historyOf: async () => store.oci,
    create: note("create"),
    extend: note("extend"),
    removeHost: note("removeHost"),
    delete: note("delete"),
  } as unknown as InstanceRegistry;
  return {
    store,
    changes,
    services: { instances, users: { directory: new UserDirectory([userOf("bob")]) } },
  };
}

const administrator = actorWith(ADMINISTRATOR);
const NEW: NewRegistry = { name: TEAM, settings: { vhosts: ["team.test"] }, acceptsNamesake: false };

describe("a new registry", () => {
  test("gets a store of its own name, and is committed as the actor", async () => {
    const { services, changes } = await openRegistries();
    const config = await createRegistry(services, administrator, NEW);
    expect(config).toMatchObject({
      name: TEAM,
      vhosts: ["team.test"],
      store: "everlock-oci-team" as StoreName,
    });
    expect(changes).toEqual([["create", "alice", config]]);
  });

  test("serves the commit that a moment means, of the store that is named", async () => {
    const { store, services } = await openRegistries();
    await store.image("v1");
    const head = store.oci.store.head().commitId;
    const at = parseMoment(head?.slice(0, 12) ?? "");
    const settings = { ...NEW.settings, store: TEAM_STORE };
    expect((await createRegistry(services, administrator, { ...NEW, settings, at })).at).toEqual(
      head as ObjectId,
    );
  });

  test.each([
    ["of a mirror may lack blobs", "https://upstream.test", "sparse"] as const,
    ["of another registry may not", undefined, "strict"] as const,
  ])("at a past state %s", async (_, upstream, references) => {
    const { store, services } = await openRegistries(upstream === undefined ? {} : { upstream });
    await store.image("v1");
    const at = parseMoment(store.oci.store.head().commitId?.slice(0, 12) ?? "");
    const settings = { ...NEW.settings, store: TEAM_STORE };
    const created = await createRegistry(services, administrator, { ...NEW, settings, at });
    expect(created.references).toBe(references);
  });

  test("at a past state requires the store whose state it serves", async () => {
    const { services, changes } = await openRegistries();
    const created = createRegistry(services, administrator, { ...NEW, at: parseMoment("2h") });
    await expect(created).rejects.toEqual(
      new InvalidArgumentError(
        "a registry at a past state requires the store whose state it serves: store=<name>",
      ),
    );
    expect(changes).toEqual([]);
  });

  test("requires a host", async () => {
    const { services } = await openRegistries();
    await expect(createRegistry(services, administrator, { ...NEW, settings: {} })).rejects.toEqual(
      new InvalidArgumentError("a registry needs a host: vhost=<host>"),
    );
  });

  test("with a user's name is refused until that is confirmed", async () => {
    const { services, changes } = await openRegistries();
    const bob = { ...NEW, name: "bob" as InstanceName };
    await expect(createRegistry(services, administrator, bob)).rejects.toEqual(
      new UnconfirmedError(
        "a user 'bob' exists: the user would own the registry 'bob' because it has the same name",
      ),
    );
    expect(changes).toEqual([]);
    await createRegistry(services, administrator, { ...bob, acceptsNamesake: true });
    expect(changes).toHaveLength(1);
  });
});

describe("a change of a registry", () => {
  test("is handed on with its author", async () => {
    const { services, changes } = await openRegistries();
    await changeRegistry(services, administrator, {
      name: DEFAULT,
      settings: { references: "sparse" },
      isSure: true,
    });
    await removeHost(services, administrator, { name: DEFAULT, host: "localhost", isSure: true });
    expect((await deleteRegistry(services, administrator, { name: DEFAULT, isSure: true })).name).toBe(
      DEFAULT,
    );
    expect(changes).toEqual([
      ["extend", "alice", DEFAULT, { references: "sparse" }],
      ["removeHost", "alice", DEFAULT, "localhost"],
      ["delete", "alice", DEFAULT],
    ]);
  });

  test("gives it no past state, and one that has one no other store", async () => {
    const at = "a".repeat(64) as ObjectId;
    const { services, changes } = await openRegistries({ at });
    const change = (settings: Partial<InstanceConfig>) =>
      changeRegistry(services, administrator, { name: DEFAULT, settings, isSure: true });
    await expect(change({ at })).rejects.toEqual(
      new InvalidArgumentError("at= is fixed when a registry is created"),
    );
    await expect(change({ store: TEAM_STORE })).rejects.toEqual(
      new InvalidArgumentError("the store of a registry at a past state is fixed"),
    );
    expect(changes).toEqual([]);
  });

  test("of one that does not exist is refused", async () => {
    const { services } = await openRegistries();
    const missing = new NotFoundError("no registry 'team'");
    await expect(
      changeRegistry(services, administrator, { name: TEAM, settings: {}, isSure: true }),
    ).rejects.toEqual(missing);
    await expect(
      removeHost(services, administrator, { name: TEAM, host: "x", isSure: true }),
    ).rejects.toEqual(missing);
    await expect(deleteRegistry(services, administrator, { name: TEAM, isSure: true })).rejects.toEqual(
      missing,
    );
  });
});

test("the owner of a registry creates, changes and deletes none", async () => {
  const { services, changes } = await openRegistries();
  const owner = actorWith({ "http/oci/*": "owner" });
  for (const attempt of [
    createRegistry(services, owner, NEW),
    changeRegistry(services, owner, { name: DEFAULT, settings: { references: "sparse" }, isSure: true }),
    removeHost(services, owner, { name: DEFAULT, host: "localhost", isSure: true }),
    deleteRegistry(services, owner, { name: DEFAULT, isSure: true }),
  ])
    await expect(attempt).rejects.toBeInstanceOf(AdministratorOnlyError);
  expect(changes).toEqual([]);
});

test("a registry that is out of service is listed with the reason", async () => {
  const { services } = await openRegistries();
  const [config] = services.instances.list();
  if (!config) throw new Error("there is no registry");
  services.instances.outages = () => [{ config, problem: "its disk is gone", mayPass: false }];
  expect(listRegistries({ ...services, replicas: NO_REPLICAS })).toEqual([
    { config, problem: "its disk is gone", replica: undefined },
  ]);
});

describe("what takes a registry from its clients", () => {
  test("is done once it is confirmed: deleting it, and removing its last host", async () => {
    const { services, changes } = await openRegistries();
    const unsure = { name: DEFAULT, isSure: false };
    await expect(deleteRegistry(services, administrator, unsure)).rejects.toEqual(
      new UnconfirmedError(
        "'default' would no longer be served at localhost; its store 'everlock-oci-test' stays",
      ),
    );
    await expect(removeHost(services, administrator, { ...unsure, host: "localhost" })).rejects.toEqual(
      new UnconfirmedError("'localhost' is the last host of 'default': no client could reach it"),
    );
    expect(changes).toEqual([]);
    const { services: two, changes: done } = await openRegistries({ vhosts: ["localhost", "also.test"] });
    await removeHost(two, administrator, { ...unsure, host: "localhost" });
    expect(done).toHaveLength(1);
  });
});
