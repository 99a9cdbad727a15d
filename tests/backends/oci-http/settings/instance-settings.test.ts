import { describe, expect, test } from "bun:test";
import {
  encodeInstances,
  type InstanceConfig,
  parseInstances,
} from "../../../../src/backends/oci-http/settings/instance-config.ts";
import {
  ALL_SETTINGS,
  type AnySetting,
  changedSettings,
  completeSettings,
  readSettings,
  settingTexts,
  settingWords,
} from "../../../../src/backends/oci-http/settings/instance-settings.ts";
import { resolveServerConfig } from "../../../../src/config/server-config.ts";
import { SETTINGS } from "../../../../src/config/settings.ts";

/** Texts of a value that is not the default, one for each setting. */
const SAMPLES: Readonly<Record<string, readonly string[]>> = {
  store: ["elsewhere"],
  references: ["sparse"],
  immutable: ["v*", "!v0*"],
  retention: ["30d"],
  cleanup: ["team/**,newest=10,keep=v*,untagged=3d", "**,untagged=1d"],
  quota: ["500GiB"],
  repositoryQuota: ["1536MiB"],
  mode: ["maintenance=back at 18:00 UTC, a=b"],
  upstream: ["https://registry.example.org"],
  upstreamMode: ["fallback"],
  upstreamRealm: ["https://auth.example.org"],
  upstreamCa: ["/etc/everlock/ca.pem"],
  upstreamPrivate: ["allow"],
  proxies: ["hub/**,https://registry-1.docker.io,check=1h,wait=5s", "ghcr/**,https://ghcr.io,private=allow"],
  nsVhosts: ["*.mirror.test", "mirror.sample.test"],
  check: ["1h"],
  wait: ["10s"],
  sync: [
    "library/alpine,3.*,every=6h",
    "app,>=1.2 <2,every=1d,platforms=linux/amd64,signed-only,sync-deletes",
  ],
  keepPulled: ["90d"],
  keepSize: ["500GiB"],
  follow: ["all"],
  upstreamStore: ["main"],
  at: ["ab".repeat(32)],
  vhosts: ["*.sample.test", "sample.test"],
};
const fail = (): never => {
  throw new Error("the sample is not right");
};
const texts = (properties: readonly string[]) =>
  new Map(
    ALL_SETTINGS.filter(({ property }) => properties.includes(property)).map(
      (setting) => [setting, SAMPLES[setting.property] ?? fail()] as const,
    ),
  );
const named = (settings: readonly AnySetting[]) => settings.map(({ property }) => property);
const NAME = "a" as InstanceConfig["name"];
const minimal: InstanceConfig = {
  name: NAME,
  ...completeSettings(readSettings(texts(["store"]), fail), fail),
};

describe.each(named(ALL_SETTINGS))("the setting %s of a registry", (property) => {
  const setting = ALL_SETTINGS.find((known) => known.property === property) ?? fail();
  const config: InstanceConfig = { ...minimal, ...readSettings(texts([property]), fail) };

  test("is printed as it was read", () => {
    expect(settingTexts(config, setting)).toEqual(SAMPLES[property] ?? []);
  });

  test("is read back from the file as it was written, alone and with all others", () => {
    const all: InstanceConfig = { ...minimal, ...readSettings(texts(named(ALL_SETTINGS)), fail) };
    for (const one of [config, all]) expect(parseInstances(encodeInstances([one]))).toEqual([one]);
    expect(Object.keys(all).toSorted()).toEqual(["name", ...named(ALL_SETTINGS)].toSorted());
  });

  test("is written to the file only if it differs from the default", () => {
    const text = Buffer.from(encodeInstances([minimal])).toString();
    expect(text.includes(`${setting.key} = `)).toBe(setting.isRequired);
  });

  test("is listed with its word", () => {
    expect(settingWords(config).some((word) => word.startsWith(`${setting.word}=`))).toBe(true);
  });

  test("stays when any other is changed", () => {
    for (const other of named(ALL_SETTINGS)) {
      if (other === property) continue;
      const changed = changedSettings(config, readSettings(texts([other]), fail));
      expect(changed[property]).toEqual(config[property]);
    }
  });

  test("of the registry 'default' is as it was stored, whatever the flags say of others", () => {
    const stored = { ...config, name: "default" as InstanceConfig["name"] };
    const flags = ALL_SETTINGS.filter((other) => other.flag !== undefined && other !== setting).flatMap(
      (other) => (SAMPLES[other.property] ?? []).flatMap((text) => [`--${other.flag}`, text]),
    );
    for (const args of [[], flags]) {
      const [completed] = resolveServerConfig(args, {}).instances?.([stored]) ?? [];
      expect(completed?.[property]).toEqual(config[property]);
    }
  });
});

test("every flag of a setting is a flag of 'everlock serve', and overrides the stored value", () => {
  for (const setting of ALL_SETTINGS) {
    if (setting.flag === undefined) continue;
    expect(Object.keys(SETTINGS)).toContain(setting.flag);
    const stored = { ...minimal, name: "default" as InstanceConfig["name"], vhosts: ["kept.test"] };
    const sample = SAMPLES[setting.property] ?? [];
    const args = sample.flatMap((text) => [`--${setting.flag}`, text]);
    const [completed] = resolveServerConfig(args, {}).instances?.([stored]) ?? [];
    const expected = setting.change === "adds" ? [...sample, "kept.test"] : sample;
    expect(completed && settingTexts(completed, setting)).toEqual(expected);
  }
});
