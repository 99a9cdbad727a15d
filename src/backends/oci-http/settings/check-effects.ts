import { followFault } from "./check-replicas.ts";
import { idleUpstreamFault } from "./check-upstreams.ts";
import type { InstanceConfig } from "./instance-config.ts";
import { ALL_SETTINGS, type SettingProperty, settingTexts } from "./instance-settings.ts";

/** Settings of content that comes from upstream when it is pulled, or ahead. A replica has all that its primary has. */
const OF_MIRRORS: readonly SettingProperty[] = [
  "upstreamMode",
  "check",
  "wait",
  "proxies",
  "sync",
  "keepPulled",
  "keepSize",
];
/** Of these, what the upstream of the registry or those of its proxies must be there for. */
const OF_ANY_UPSTREAM: readonly SettingProperty[] = ["upstreamMode", "check", "wait"];
const OF_OWN_UPSTREAM: readonly SettingProperty[] = ["upstreamCa", "upstreamPrivate", "upstreamRealm"];

/**
 * Why a registry can't be as it is to become, in a line: it lacks what a setting needs, or one that changes has no effect.
 * `undefined` if it can. `before`: as it was. Settings without effect that stay as they were are no fault, as older versions
 * accepted them.
 */
export function changeFault(before: InstanceConfig | undefined, after: InstanceConfig): string | undefined {
  return followFault(after) ?? idleUpstreamFault(after) ?? ineffectFault(before, after);
}

function ineffectFault(before: InstanceConfig | undefined, after: InstanceConfig): string | undefined {
  const isNewReplica = after.follow !== before?.follow;
  for (const setting of ALL_SETTINGS) {
    const texts = settingTexts(after, setting);
    const isNew = !before || !Bun.deepEquals(texts, settingTexts(before, setting));
    if (texts.length === 0 || !(isNew || isNewReplica)) continue;
    const reason = ineffectReason(after, setting.property);
    if (reason !== undefined) return `${setting.word}= has no effect on '${after.name}': ${reason}`;
  }
  return undefined;
}

function ineffectReason(config: InstanceConfig, property: SettingProperty): string | undefined {
  const { upstream, proxies, follow, at } = config;
  if (at !== undefined)
    return [...OF_MIRRORS, ...OF_OWN_UPSTREAM].includes(property)
      ? "it serves a past state and asks nobody"
      : undefined;
  if (follow !== undefined)
    return OF_MIRRORS.includes(property)
      ? "with follow=all it has all that its primary has, and asks for nothing else"
      : undefined;
  if (property === "upstreamStore") return "it is no replica; follow=all makes it one";
  if (upstream !== undefined) return undefined;
  if (OF_OWN_UPSTREAM.includes(property))
    return `it has no upstream=${proxies.length > 0 ? "; proxies have ca=, private= and realm= of their own" : ""}`;
  return OF_ANY_UPSTREAM.includes(property) && proxies.length === 0
    ? "it has neither upstream= nor proxy="
    : undefined;
}
