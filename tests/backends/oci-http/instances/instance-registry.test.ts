import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { MACHINE_ACTOR } from "../../../../src/backends/actor.ts";
import { parseLine, runCommand } from "../../../../src/backends/admin-ssh/command-table.ts";
import type { CommandContext } from "../../../../src/backends/admin-ssh/commands/command.ts";
import { completeLine } from "../../../../src/backends/admin-ssh/complete-line.ts";
import { knownNames } from "../../../../src/backends/admin-ssh/completion-names.ts";
import {
  InstanceChangeError,
  InstanceRegistry,
} from "../../../../src/backends/oci-http/instances/instance-registry.ts";
import type { CompleteInstances } from "../../../../src/backends/oci-http/instances/read-instances.ts";
import {
  encodeInstances,
  type InstanceConfig,
  type InstanceName,
  SYSTEM_STORE,
} from "../../../../src/backends/oci-http/settings/instance-config.ts";
import {
  ALL_SETTINGS,
  type SettingProperty,
  settingWords,
} from "../../../../src/backends/oci-http/settings/instance-settings.ts";
import { resolveServerConfig } from "../../../../src/config/server-config.ts";
import { reloadTogether } from "../../../../src/primitives/reload.ts";
import { SYSTEM_IDENTITY } from "../../../../src/primitives/store/commits/commit-group.ts";
import { ChangedWithGitError } from "../../../../src/primitives/store/commits/known-files.ts";
import type { Store } from "../../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import { localStores } from "../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import { UserDirectory } from "../../../../src/primitives/users/user-directory.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { eventually } from "../../../support/eventually.ts";
import { NO_REPLICAS } from "../../../support/registry-services.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

/** Each test opens stores several times, with all the syncs that takes. */
setDefaultTimeout(30_000);

const CONFIG = storePath("config/oci-http.toml");
const DEFAULT = "default" as InstanceName;
const TEAM = "team" as InstanceName;
const HOST_FLAG = ["--backend-oci-http-vhost", "flag.test"];

interface Opened {
  readonly registry: InstanceRegistry;
  readonly system: Store;
  readonly logged: string[];
  /** Runs a console command as an administrator. */
  console(line: string): Promise<readonly string[]>;
  /** What Tab offers. */
  complete(line: string): Promise<readonly string[]>;
  /** Commits a file as stock git would: the registry is not told. */
  commit(configs: readonly InstanceConfig[]): Promise<void>;
  reload(): Promise<string[]>;
  close(): Promise<void>;
}

async function open(dataDir: string, flags: readonly string[] = []): Promise<Opened> {
  const logged: string[] = [];
  const line = (message: string) => void logged.push(message);
  const log = {
    info: line,
    warn: line,
    error: (message: string, cause: unknown) => line(`${message}: ${cause}`),
  };
  const stores = localStores(dataDir, log);
  const system = await stores.open(SYSTEM_STORE);
  const nobody = new UserDirectory([]);
  const complete = resolveServerConfig(flags, {}).instances as CompleteInstances;
  const registry = await InstanceRegistry.open({ system, stores, users: () => nobody, log }, complete);
  let isClosed = false;
  const close = async () => {
    if (isClosed) return;
    isClosed = true;
    await registry.close();
    await system.close();
  };
  afterThisTest(close);
  const users = { directory: nobody };
  const context = { instances: registry, users, replicas: NO_REPLICAS, actor: MACHINE_ACTOR };
  return {
    registry,
    system,
    logged,
    console: async (text) => {
      const parsed = parseLine(text);
      if (parsed.kind !== "command") throw new Error(`'${text}' is no command`);
      return runCommand(parsed, context as unknown as CommandContext);
    },
    async complete(text) {
      const names = knownNames(context as unknown as CommandContext, MACHINE_ACTOR);
      return (await completeLine(text, names)).candidates;
    },
    commit: async (configs) => {
      await system.write(CONFIG, encodeInstances(configs), { author: SYSTEM_IDENTITY, message: "edit" });
    },
    reload: () => reloadTogether([registry]),
    close,
  };
}

const MIRROR = "upstream=https://registry.example.org";
/** Words that set each setting to what is not its default; a new setting needs one here. */
const SAMPLES: Readonly<Record<SettingProperty, readonly string[]>> = {
  store: ["store=elsewhere"],
  references: ["references=sparse"],
  immutable: ["immutable=v*,!v0*"],
  retention: ["retention=30d"],
  cleanup: ["cleanup=team/**,newest=10,keep=v*,untagged=3d", "cleanup=**,untagged=1d"],
  quota: ["quota=500GiB"],
  repositoryQuota: ["repository-quota=1536MiB"],
  upstream: [MIRROR],
  upstreamMode: [MIRROR, "upstream-mode=fallback"],
  upstreamRealm: [MIRROR, "upstream-realm=https://auth.example.org"],
  upstreamCa: [MIRROR, "upstream-ca=/etc/everlock/ca.pem"],
  upstreamPrivate: [MIRROR, "upstream-private=allow"],
  proxies: ["proxy=hub/**,https://registry-1.docker.io,check=1h", "proxy=ghcr/**,https://ghcr.io"],
  nsVhosts: [MIRROR, "ns-vhost=mirror.sample.test,*.mirror.test"],
  check: [MIRROR, "check=1h"],
  wait: [MIRROR, "wait=10s"],
  sync: [MIRROR, "sync=library/alpine,3.*,every=6h", "sync=app,^1.2,every=1d,sync-deletes"],
  keepPulled: [MIRROR, "keep-pulled=90d"],
  keepSize: [MIRROR, "keep-size=500GiB"],
  mode: ["mode=read-only"],
  follow: [MIRROR, "follow=all"],
  upstreamStore: [MIRROR, "follow=all", "upstream-store=main"],
  at: [],
  vhosts: ["vhost=*.sample.test", "vhost=sample.test"],
};
/** Settings that no replica has, and those of replicas. */
const OF_MIRRORS: readonly SettingProperty[] = [
  ...(["upstreamMode", "proxies", "check", "wait", "sync", "keepPulled", "keepSize"] as const),
];
const OF_REPLICAS: readonly SettingProperty[] = ["follow", "upstreamStore"];
const settable = ALL_SETTINGS.filter(({ change }) => change !== "fixed").map(({ property }) => property);

const configOf = ({ registry }: Opened, name = DEFAULT) => registry.existing(name);

describe.each(settable)("the setting %s", (property) => {
  const words = SAMPLES[property];
  const holds = (opened: Opened, ...names: readonly InstanceName[]) => {
    for (const name of names)
      expect(settingWords(configOf(opened, name))).toEqual(expect.arrayContaining([...words]));
  };

  test.concurrent("is kept across a restart, a reload and changes of other settings, whatever flags say", async () => {
    const dataDir = temporaryDirectory();
    const first = await open(dataDir, HOST_FLAG);
    await first.console("/oci create team vhost=team.test");
    // Two registries can't have one host, nor the store of a replica.
    const others = ["vhosts", "nsVhosts", "store"].includes(property) ? [] : [TEAM];
    for (const name of [DEFAULT, ...others]) await first.console(`/oci set ${name} ${words.join(" ")}`);
    holds(first, DEFAULT, ...others);
    await first.close();
    const second = await open(dataDir);
    holds(second, DEFAULT, ...others);
    expect(await second.reload()).toEqual([]);
    holds(second, DEFAULT, ...others);
    const without = OF_REPLICAS.includes(property) ? OF_MIRRORS : OF_REPLICAS;
    for (const other of settable) {
      if (other !== property && !without.includes(other))
        await second.console(`/oci set default ${SAMPLES[other].join(" ")}`);
    }
    await second.console(`/oci set team ${property === "quota" ? "retention=2d" : "quota=7GiB"}`);
    holds(second, DEFAULT, ...others);
    const all = second.registry.list();
    await second.close();
    const third = await open(dataDir, HOST_FLAG);
    holds(third, DEFAULT, ...others);
    expect(third.registry.list()).toEqual([...all]);
  });

  test("is set as the registry is created, offered by completion and explained by /help", async () => {
    const opened = await open(temporaryDirectory());
    await opened.console(`/oci create made vhost=made.test ${words.join(" ")}`);
    holds(opened, "made" as InstanceName);
    const word = words[0]?.split("=")[0];
    for (const verb of ["create", "set"]) {
      expect((await opened.console(`/help oci ${verb}`)).join("\n")).toContain(`${word}=`);
      expect((await opened.complete(`/oci ${verb} made ${word}`))[0]).toStartWith(`${word}=`);
    }
    expect((await opened.console("/oci list")).join("\n")).toContain(words.at(-1) ?? "");
  });
});

test("the moment that a registry at a past state serves is kept across a restart, a reload and changes of its settings", async () => {
  const dataDir = temporaryDirectory();
  const first = await open(dataDir);
  const { store } = first.registry.storeOf(DEFAULT);
  await store.write(storePath("a"), Buffer.from("a"), { author: SYSTEM_IDENTITY, message: "a" });
  const at = store.head().commitId;
  await first.console(`/oci create past vhost=past.test store=everlock-oci-local at=${at?.slice(0, 12)}`);
  await expect(first.console("/oci set past at=2h")).rejects.toThrow(
    "at= is fixed when a registry is created",
  );
  await expect(first.console("/oci set past store=other")).rejects.toThrow("is fixed");
  await first.close();
  const second = await open(dataDir);
  await second.reload();
  await second.console("/oci set past references=sparse");
  await second.console("/oci set default quota=1GiB");
  await second.close();
  expect(configOf(await open(dataDir), "past" as InstanceName)).toMatchObject({ at, references: "sparse" });
});

test("an optional setting of a registry is removed by an empty value, also across a restart", async () => {
  const dataDir = temporaryDirectory();
  const first = await open(dataDir);
  await first.console("/oci set default quota=1GiB retention=1d cleanup=**,untagged=1d immutable=v*");
  await first.console("/oci set default quota= retention= cleanup= immutable=");
  expect(settingWords(configOf(first))).toEqual(["store=everlock-oci-local", "vhost=localhost"]);
  await first.close();
  expect(settingWords(configOf(await open(dataDir)))).toEqual([
    "store=everlock-oci-local",
    "vhost=localhost",
  ]);
});

test("two virtual hosts that are added at the same time are both kept", async () => {
  const opened = await open(temporaryDirectory());
  await Promise.all(["a.test", "b.test"].map((host) => opened.console(`/oci set default vhost=${host}`)));
  expect(configOf(opened).vhosts).toEqual(["localhost", "a.test", "b.test"]);
});

test.each([
  ["/oci set default colour=red", "'colour=red' is not a setting; use store=, references=, "],
  ["/oci set default quota=much", "'quota=much' is invalid; use quota=100GiB, or quota= for none"],
  ["/oci set default references=", "'references=' is invalid; use references=strict|sparse"],
  ["/oci set default vhost=", "'vhost=' is invalid; use vhost=<host name without port>"],
  ["/oci unset default store=other", "'store=other' is not a setting; use vhost="],
  ["/oci unset default vhost=other.test", "'other.test' is no host of 'default'; it has localhost"],
  ["/oci create team store=other", "a registry needs a host: vhost=<host>"],
  [
    "/oci create team vhost=team.test at=2h",
    "a registry at a past state requires the store whose state it serves",
  ],
  ["/oci create team vhost=team.test store=none at=2h", "there is no store 'none'"],
  ["/oci set team quota=1GiB", "no registry 'team'"],
])("%p is answered %p and changes nothing", async (line, message) => {
  const opened = await open(temporaryDirectory());
  const before = opened.registry.list();
  await expect(opened.console(line)).rejects.toThrow(message);
  expect(opened.registry.list()).toEqual(before);
});

test("of two requests at the same time to create a registry, the second one is told that it exists already", async () => {
  const { console } = await open(temporaryDirectory());
  const create = (...options: string[]) =>
    console(["/oci create team vhost=team.test", ...options].join(" ")).then(
      (lines) => lines.join("\n"),
      (error) => String(error),
    );
  const results = await Promise.all([create(), create(), create("--if-missing")]);
  expect(results.filter((result) => result.includes("registry 'team' exists already"))).toHaveLength(2);
});

test("registries that are not offered are kept all the same, whatever is created meanwhile", async () => {
  const dataDir = temporaryDirectory();
  const first = await open(dataDir);
  await first.console("/oci set default quota=1GiB");
  await first.close();
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const stores = localStores(dataDir, log);
  const system = await stores.open(SYSTEM_STORE);
  const nobody = new UserDirectory([]);
  expect(resolveServerConfig(["--no-backend-oci-http"], {}).instances).toBeUndefined();
  const off = await InstanceRegistry.open(
    { system, stores, users: () => nobody, log },
    (stored) => stored ?? [],
  );
  await off.create(SYSTEM_IDENTITY, { ...off.existing(DEFAULT), name: TEAM, vhosts: ["team.test"] });
  await off.close();
  await system.close();
  expect((await open(dataDir)).registry.list().map(({ name }) => String(name))).toEqual(["default", "team"]);
});

describe("a reload", () => {
  test("keeps what flags say, and tells what changed", async () => {
    const opened = await open(temporaryDirectory(), [
      ...HOST_FLAG,
      "--backend-oci-http-references",
      "sparse",
    ]);
    const stored = { ...configOf(opened), references: "strict", vhosts: ["stored.test"] } as const;
    await opened.commit([stored, { ...stored, name: TEAM, vhosts: ["team.test"] }]);
    expect(await opened.reload()).toEqual(["registries: added team; changed default"]);
    expect(configOf(opened)).toMatchObject({ references: "sparse", vhosts: ["flag.test", "stored.test"] });
    expect(configOf(opened, TEAM)).toMatchObject({ references: "strict", vhosts: ["team.test"] });
    expect(await opened.reload()).toEqual([]);
  });

  test("loads nothing if two registries have the same host or a store can't be opened", async () => {
    const dataDir = temporaryDirectory();
    const opened = await open(dataDir);
    const stored = configOf(opened);
    const team = { ...stored, name: TEAM, vhosts: ["team.test"] };
    for (const [wrong, reason] of [
      [{ ...team, vhosts: stored.vhosts }, "the host 'localhost' is the registry 'default' already"],
      [{ ...team, at: "ab".repeat(32) }, "the registry 'team': "],
    ] as const) {
      await opened.commit([{ ...stored, quota: 1 }, wrong] as InstanceConfig[]);
      await expect(opened.reload()).rejects.toThrow(InstanceChangeError);
      await expect(opened.reload()).rejects.toThrow(reason);
      expect(opened.registry.list()).toEqual([stored]);
    }
  });
});

function replaceByFile(path: string): void {
  rmSync(path, { recursive: true, force: true });
  writeFileSync(path, "no directory");
}

function replaceByDirectory(path: string): void {
  rmSync(path, { force: true });
  mkdirSync(path);
}

test("changes that git committed and the server has not loaded are not overwritten", async () => {
  const opened = await open(temporaryDirectory());
  await opened.console("/oci set default quota=1GiB");
  const stored = configOf(opened);
  await opened.commit([
    { ...stored, quota: 7 },
    { ...stored, name: TEAM, vhosts: ["team.test"] },
  ]);
  const change = opened.console("/oci set default retention=1d");
  await expect(change).rejects.toThrow(ChangedWithGitError);
  expect(opened.registry.list()).toEqual([stored]);
  await opened.reload();
  await opened.console("/oci set default retention=1d");
  expect(opened.registry.list().map(({ name, quota }) => [name, quota] as const)).toEqual([
    [DEFAULT, 7],
    [TEAM, 2 ** 30],
  ]);
});

describe("a registry whose store can't be opened", () => {
  async function withTeam(): Promise<string> {
    const dataDir = temporaryDirectory();
    const first = await open(dataDir);
    await first.console("/oci create team vhost=team.test quota=5GiB");
    const { store } = first.registry.storeOf(TEAM);
    await store.write(storePath("a"), Buffer.from("a"), { author: SYSTEM_IDENTITY, message: "a" });
    await first.close();
    return dataDir;
  }

  /** `default` is whole, and the branch of the store of `team` is gone. */
  async function damaged() {
    const dataDir = await withTeam();
    const branch = `${dataDir}/everlock-oci-team/refs/heads/main`;
    renameSync(branch, `${branch}-elsewhere`);
    const repair = () => renameSync(`${branch}-elsewhere`, branch);
    return { dataDir, repair, opened: await open(dataDir) };
  }

  test("is out of service and reported in one line, while the others serve", async () => {
    const { opened } = await damaged();
    const { registry, logged } = opened;
    const problem = expect.stringContaining("the store 'everlock-oci-team' is damaged: ");
    expect(registry.outages()).toEqual([{ config: configOf(opened, TEAM), problem, mayPass: false }]);
    expect(logged.filter((line) => line.startsWith("the registry 'team' is out of service: "))).toHaveLength(
      1,
    );
    const answer = async (host: string) =>
      registry
        .hosts()
        .get(host)
        ?.handle({} as never);
    const refused = await answer("team.test");
    expect([refused?.status, refused?.headers.get("Retry-After")]).toEqual([503, "30"]);
    expect(await refused?.text()).toContain("the registry 'team' is out of service");
    expect(registry.storeOf(DEFAULT).location.store).toBe("everlock-oci-local" as StoreName);
    expect(() => registry.storeOf(TEAM)).toThrow("the registry 'team' is out of service: the store");
    expect((await opened.console("/oci list")).join("\n")).toContain("team is out of service: the store");
    expect(await opened.console("/oci list --json")).toEqual([
      expect.stringContaining('"name":"default"'),
      expect.stringContaining('"problem":"the store'),
    ]);
  });

  test("because the disk was full is back in service by itself once there is space", async () => {
    const logged: string[] = [];
    const line = (message: string) => void logged.push(message);
    const log = {
      info: line,
      warn: line,
      error: (message: string, cause: unknown) => line(`${message}: ${cause}`),
    };
    const stores = localStores(temporaryDirectory(), log);
    const system = await stores.open(SYSTEM_STORE);
    const create = stores.create.bind(stores);
    let tries = 0;
    stores.create = (name) => {
      if (++tries > 3) return create(name);
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    };
    const nobody = new UserDirectory([]);
    const complete = resolveServerConfig(HOST_FLAG, {}).instances as CompleteInstances;
    const options = { system, stores, users: () => nobody, log, retryMs: 1 };
    const registry = await InstanceRegistry.open(options, complete);
    afterThisTest(async () => {
      await registry.close();
      await system.close();
    });
    expect(registry.outages()).toMatchObject([{ config: { name: DEFAULT }, mayPass: true }]);
    expect(await eventually(() => registry.outages().length === 0)).toBe(true);
    expect(registry.storeOf(DEFAULT).location.store).toBe("everlock-oci-local" as StoreName);
    expect(logged).toEqual([
      "the registry 'default' is out of service: the store 'everlock-oci-local' can't be opened: ENOSPC: no space left on device, write",
      "the registry 'default' is in service again",
    ]);
  });

  test.each<[string, (dir: string) => void]>([
    ["its objects are gone", (dir) => rmSync(`${dir}/objects`, { recursive: true })],
    [
      "its branch names a commit that it has not",
      (dir) => writeFileSync(`${dir}/refs/heads/main`, "ab".repeat(32)),
    ],
    ["its configuration is of another format", (dir) => writeFileSync(`${dir}/config`, "[core]\n")],
    ["its index can't be opened", (dir) => replaceByDirectory(`${dir}/index.sqlite`)],
    ["its blobs are no directory", (dir) => replaceByFile(`${dir}/blobs`)],
    ["its uploads are no directory", (dir) => replaceByFile(`${dir}/uploads`)],
    ["it is no directory itself", replaceByFile],
  ])("is out of service, whatever it is: %s", async (_, damage) => {
    const dataDir = await withTeam();
    damage(`${dataDir}/everlock-oci-team`);
    const opened = await open(dataDir);
    expect(opened.registry.outages().map(({ config }) => String(config.name))).toEqual(["team"]);
    expect(opened.registry.storeOf(DEFAULT)).toBeDefined();
    await opened.console("/oci set default quota=1GiB");
    expect(configOf(opened)).toMatchObject({ quota: 2 ** 30 });
  });

  test("keeps its settings, and its settings and those of other registries can be changed", async () => {
    const { opened, dataDir } = await damaged();
    await opened.console("/oci set default quota=1GiB");
    await opened.console("/oci create more vhost=more.test");
    await opened.console("/oci set team retention=1d");
    await opened.close();
    const again = await open(dataDir);
    expect(configOf(again)).toMatchObject({ quota: 2 ** 30 });
    expect(configOf(again, TEAM)).toMatchObject({ quota: 5 * 2 ** 30, retention: 86_400 });
    expect(again.registry.outages()).toHaveLength(1);
    await again.console("/oci set team store=everlock-oci-new");
    expect(again.registry.outages()).toEqual([]);
  });

  test("is not written to the configuration again", async () => {
    const { opened } = await damaged();
    const create = opened.console("/oci create other vhost=other.test store=everlock-oci-team");
    await expect(create).rejects.toThrow("the registry 'other': the store 'everlock-oci-team' is damaged");
    expect(opened.registry.list()).toHaveLength(2);
  });

  test("serves again after a reload once it is repaired", async () => {
    const { opened, repair } = await damaged();
    expect(await opened.reload()).toEqual([
      expect.stringContaining("team is out of service: the store 'everlock-oci-team' is damaged"),
    ]);
    repair();
    expect(await opened.reload()).toEqual(["registries: changed team"]);
    expect(opened.registry.outages()).toEqual([]);
    expect(await opened.registry.storeOf(TEAM).store.read(storePath("a"))).toEqual(
      new Uint8Array(Buffer.from("a")),
    );
  });
});
