import { describe, expect, test } from "bun:test";
import { type BackendName, BackendSwitch, BackendSwitchError } from "../../src/backends/backend-switch.ts";
import { SYSTEM_STORE } from "../../src/backends/oci-http/settings/instance-config.ts";
import { reloadTogether } from "../../src/primitives/reload.ts";
import { SYSTEM_IDENTITY } from "../../src/primitives/store/commits/commit-group.ts";
import { ChangedWithGitError } from "../../src/primitives/store/commits/known-files.ts";
import { Store } from "../../src/primitives/store/commits/store.ts";
import { storePath } from "../../src/primitives/store/commits/store-path.ts";
import { afterThisTest } from "../support/cleanup.ts";
import { MemoryStore } from "../support/memory-engine/memory-store.ts";

const CONFIG = storePath("config/backends.toml");
const BOTH: readonly BackendName[] = ["oci-http", "admin-ssh"];

async function openSystem(): Promise<Store> {
  const { objects, branch } = new MemoryStore();
  const system = await Store.open(SYSTEM_STORE, { objects, branch });
  afterThisTest(() => system.close());
  return system;
}

const commit = (system: Store, text: string) =>
  system.write(CONFIG, Buffer.from(text), { author: SYSTEM_IDENTITY, message: "edit" });

const states = (backends: BackendSwitch) => BOTH.map((name) => backends.stateOf(name));

describe("a backend", () => {
  test("is enabled until it is disabled, also after a restart, and every change is announced before it is acknowledged", async () => {
    const system = await openSystem();
    const backends = await BackendSwitch.load(system, BOTH);
    const told: boolean[] = [];
    backends.onChange(() => told.push(backends.isEnabled("oci-http")));
    expect(states(backends)).toEqual(["enabled", "enabled"]);
    await backends.disable(SYSTEM_IDENTITY, ["oci-http"]);
    expect(states(await BackendSwitch.load(system, BOTH))).toEqual(["disabled", "enabled"]);
    await backends.enable(SYSTEM_IDENTITY, ["oci-http"]);
    expect(told).toEqual([false, true]);
    expect(states(await BackendSwitch.load(system, BOTH))).toEqual(["enabled", "enabled"]);
  });

  test("that the settings switch off can't be enabled, and the console can't disable itself", async () => {
    const system = await openSystem();
    const backends = await BackendSwitch.load(system, ["admin-ssh"]);
    expect(states(backends)).toEqual(["off at the start", "enabled"]);
    await expect(backends.enable(SYSTEM_IDENTITY, ["oci-http"])).rejects.toThrow(BackendSwitchError);
    await expect(backends.disable(SYSTEM_IDENTITY, ["admin-ssh"])).rejects.toThrow(
      "the console can't disable itself",
    );
    await backends.disable(SYSTEM_IDENTITY, ["oci-http"]);
    expect(states(await BackendSwitch.load(system, BOTH))).toEqual(["disabled", "enabled"]);
  });

  test("that is switched while another is keeps what the other was set to", async () => {
    const system = await openSystem();
    await commit(system, 'disabled = ["admin-ssh"]\n');
    const backends = await BackendSwitch.load(system, BOTH);
    await Promise.all([
      backends.disable(SYSTEM_IDENTITY, ["oci-http"]),
      backends.enable(SYSTEM_IDENTITY, ["admin-ssh"]),
    ]);
    expect(states(backends)).toEqual(["disabled", "enabled"]);
    expect(states(await BackendSwitch.load(system, BOTH))).toEqual(["disabled", "enabled"]);
  });
});

describe("what was committed with git", () => {
  test("is taken over by a reload, which tells what changed", async () => {
    const system = await openSystem();
    const backends = await BackendSwitch.load(system, BOTH);
    await commit(system, 'disabled = ["oci-http"]\n');
    expect(states(backends)).toEqual(["enabled", "enabled"]);
    expect(await reloadTogether([backends])).toEqual(["backends: oci-http disabled"]);
    expect(states(backends)).toEqual(["disabled", "enabled"]);
    expect(await reloadTogether([backends])).toEqual([]);
  });

  test("is not written over before that", async () => {
    const system = await openSystem();
    const backends = await BackendSwitch.load(system, BOTH);
    await commit(system, 'disabled = ["admin-ssh"]\n');
    const change = backends.disable(SYSTEM_IDENTITY, ["oci-http"]);
    await expect(change).rejects.toThrow(ChangedWithGitError);
    expect(Buffer.from((await system.read(CONFIG)) ?? []).toString()).toBe('disabled = ["admin-ssh"]\n');
    await reloadTogether([backends]);
    await backends.disable(SYSTEM_IDENTITY, ["oci-http"]);
    expect(states(await BackendSwitch.load(system, BOTH))).toEqual(["disabled", "disabled"]);
  });

  test.each([
    ["disabled = \n", "line 1: "],
    ["other = 1\n", "unknown key 'other'"],
    ['disabled = "oci-http"\n', "'disabled' must be a list of backends"],
    ['disabled = ["ftp"]\n', "'ftp' is none of oci-http, web, admin-ssh"],
  ])("and says %p is refused with the reason", async (text, reason) => {
    const system = await openSystem();
    const backends = await BackendSwitch.load(system, BOTH);
    await commit(system, text);
    await expect(reloadTogether([backends])).rejects.toThrow(reason);
    await expect(BackendSwitch.load(system, BOTH)).rejects.toThrow(BackendSwitchError);
    expect(states(backends)).toEqual(["enabled", "enabled"]);
  });
});
