import { parseVhostPattern } from "../../../primitives/net/vhost.ts";
import { type ObjectId, parseObjectId } from "../../../primitives/store/git/object-id.ts";
import { parseStoreName, type StoreName } from "../../../primitives/store/store-manager.ts";
import { parseSize, sizeAdvice, writeSize } from "../../../primitives/text/byte-size.ts";
import { formatDuration, parseDuration } from "../../../primitives/text/duration.ts";
import {
  CLEANUP_RULE_EXAMPLE,
  type CleanupRule,
  formatCleanupRule,
  parseCleanupRule,
} from "../policy/cleanup-rules.ts";
import { parseTagPattern, type TagPattern } from "../policy/immutable-tags.ts";
import { COPY_SETTINGS } from "./copy-settings.ts";
import { choice, defaulted, type InstanceSetting, optional, required, several } from "./instance-setting.ts";
import { MODE_WANTED, parseRegistryMode, type RegistryMode } from "./registry-mode.ts";
import { REPLICA_SETTINGS } from "./replica-settings.ts";
import { UPSTREAM_SETTINGS } from "./upstream-settings.ts";

/** Whether a manifest may name content that the repository lacks, as partial mirrors of an image do. */
const REFERENCES = ["strict", "sparse"] as const;
export type References = (typeof REFERENCES)[number];

/** Hex digits of a commit in lists. */
const SHORT_COMMIT = 12;
const SIZE = { parse: parseSize, write: writeSize, wanted: "a size such as 100GiB", advice: sizeAdvice };

/** Every setting of a registry besides its name, in the order of `/oci list`. A new one is one entry here. */
export const INSTANCE_SETTINGS = {
  store: required<StoreName>({
    word: "store",
    key: "store",
    flag: "backend-oci-http-store",
    help: "where its content is kept; several registries may share a store",
    usage: "store=<lower-case name>",
    wanted: "a lower-case name",
    wantedOfFlag: "a lower-case name such as everlock-oci-local",
    parse: parseStoreName,
  }),
  references: choice<References>({
    word: "references",
    key: "references",
    flag: "backend-oci-http-references",
    help: "sparse lets manifests name content that is missing",
    usage: "references=strict|sparse",
    wanted: "'strict' or 'sparse'",
    wantedOfFlag: REFERENCES.join(" or "),
    values: REFERENCES,
  }),
  immutable: several<TagPattern>({
    word: "immutable",
    key: "immutable",
    help: "write-once tags: no later push can move them",
    usage: "immutable=v*, immutable=*,!latest or immutable= for none",
    wanted: "a list of tag patterns",
    separator: ",",
    parse: parseTagPattern,
  }),
  retention: optional<number>({
    word: "retention",
    key: "retention",
    help: "how long content that was deleted or replaced can be restored",
    usage: "retention=30d, or retention= to keep all",
    wanted: "a duration such as 30d",
    parse: parseDuration,
    write: formatDuration,
  }),
  cleanup: several<CleanupRule>({
    word: "cleanup",
    key: "cleanup",
    help: "rules for automatic deletion; write several rules as several words",
    usage: `cleanup=${CLEANUP_RULE_EXAMPLE}, or cleanup= for none`,
    wanted: `a list of rules such as ${CLEANUP_RULE_EXAMPLE}`,
    parse: parseCleanupRule,
    write: formatCleanupRule,
  }),
  quota: optional<number>({
    word: "quota",
    key: "quota",
    help: "most bytes it may store; default: --quota-registry",
    usage: "quota=100GiB, or quota= for none",
    ...SIZE,
  }),
  repositoryQuota: optional<number>({
    word: "repository-quota",
    key: "repository_quota",
    help: "most bytes that each repository may store; default: --quota-repository",
    usage: "repository-quota=100GiB, or repository-quota= for none",
    ...SIZE,
  }),
  mode: defaulted<RegistryMode>({
    word: "mode",
    key: "mode",
    help: "read-only refuses pushes and deletes; maintenance refuses all with its message; normal ends it",
    usage: "mode=read-only, 'mode=maintenance=back at 18:00 UTC' or mode=normal",
    wanted: MODE_WANTED,
    candidates: ["read-only", "maintenance=", "normal"],
    fallback: "normal",
    parse: parseRegistryMode,
  }),
  ...UPSTREAM_SETTINGS,
  ...COPY_SETTINGS,
  ...REPLICA_SETTINGS,
  at: optional<ObjectId>({
    word: "at",
    key: "at",
    help: "the past state of an existing store that it serves",
    usage: "at=2h, at=yesterday, at=2026-01-31T12:00 or at=<commit>",
    wanted: "a whole commit id",
    change: "fixed",
    canBeEmpty: false,
    parse: parseObjectId,
    shown: (commit) => commit.slice(0, SHORT_COMMIT),
  }),
  vhosts: several<string>({
    word: "vhost",
    key: "vhosts",
    flag: "backend-oci-http-vhost",
    help: "a host name that selects it, a wildcard such as *.example.org, or * for any; '/oci unset' removes one",
    usage: "vhost=<host name without port>",
    wanted: "a list of host names without port",
    wantedOfFlag: "a host name without port, a wildcard such as *.example.org, or *",
    change: "adds",
    canBeEmpty: false,
    parse: parseVhostPattern,
  }),
} as const;

type Table = typeof INSTANCE_SETTINGS;
export type SettingProperty = keyof Table;
type ValueOf<S> = S extends InstanceSetting<infer V> ? V : never;
type OptionalProperty = {
  [P in SettingProperty]: undefined extends ValueOf<Table[P]> ? P : never;
}[SettingProperty];

/** The values of all settings. */
export type InstanceValues = {
  readonly [P in Exclude<SettingProperty, OptionalProperty>]: ValueOf<Table[P]>;
} & { readonly [P in OptionalProperty]?: ValueOf<Table[P]> };

export type AnySetting = InstanceSetting<unknown> & { readonly property: SettingProperty };

/** The same table as a list. */
export const ALL_SETTINGS: readonly AnySetting[] = Object.entries(INSTANCE_SETTINGS).map(
  ([property, setting]) => ({
    ...(setting as InstanceSetting<unknown>),
    property: property as SettingProperty,
  }),
);

/** Texts of some settings from the console, the file or flags. */
export type SettingTexts = ReadonlyMap<AnySetting, readonly string[]>;

/** Parses the texts; the value `undefined` removes an optional setting. `refuse` throws for an invalid text. */
export function readSettings(
  texts: SettingTexts,
  refuse: (setting: AnySetting, text: string) => never,
): Partial<InstanceValues> {
  const values: Partial<Record<SettingProperty, unknown>> = {};
  for (const [setting, given] of texts) {
    const parsed = given.map((text) => setting.parse(text) ?? refuse(setting, text));
    values[setting.property] = setting.isList ? [...new Set(parsed)] : (parsed.at(-1) ?? setting.fallback);
  }
  return values as Partial<InstanceValues>;
}

/** Adds the defaults to the given values. `refuse` throws for a required setting that is missing. */
export function completeSettings(
  given: Partial<InstanceValues>,
  refuse: (setting: AnySetting) => never,
): InstanceValues {
  const values: Partial<Record<SettingProperty, unknown>> = {};
  for (const setting of ALL_SETTINGS) {
    const value = given[setting.property] ?? setting.fallback;
    if (value === undefined && setting.isRequired) refuse(setting);
    if (value !== undefined) values[setting.property] = value;
  }
  return values as InstanceValues;
}

/** Applies `given` to `before`; a list that a change adds to gets the new items first or last. */
export function changedSettings<T extends InstanceValues>(
  before: T,
  given: Partial<InstanceValues>,
  order: "given first" | "given last" = "given last",
): T {
  const changed: T & Partial<Record<SettingProperty, unknown>> = { ...before };
  for (const { property, change } of ALL_SETTINGS) {
    if (!Object.hasOwn(given, property)) continue;
    const [known, added] = [before[property], given[property]];
    const value =
      change === "adds" && Array.isArray(known) && Array.isArray(added)
        ? [...new Set(order === "given first" ? [...added, ...known] : [...known, ...added])]
        : added;
    if (value === undefined) delete changed[property];
    else Object.assign(changed, { [property]: value });
  }
  return changed;
}

/** The texts of a setting; none if it has its default. */
export function settingTexts(values: InstanceValues, setting: AnySetting): readonly string[] {
  return setting.print(values[setting.property]);
}

/** The words that show a registry's settings in a list at the console. */
export function settingWords(values: InstanceValues): string[] {
  return ALL_SETTINGS.flatMap((setting) => {
    const { word, separator, shown = String } = setting;
    const texts = settingTexts(values, setting).map((text) => shown(text));
    const joined = separator !== undefined && texts.length > 0 ? [texts.join(separator)] : texts;
    return joined.map((text) => `${word}=${text}`);
  });
}
