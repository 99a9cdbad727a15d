import { optional } from "./instance-setting.ts";

/** What a replica follows of its primary. */
export type Follow = "all";

const REGISTRY_NAME = /^[a-z0-9]+([._-][a-z0-9]+)*$/;
const MAX_NAME_LENGTH = 50;

function parseFollow(text: string): Follow | undefined {
  return text === "all" ? text : undefined;
}

/** The name of a registry on another server. */
function parseRegistryThere(text: string): string | undefined {
  return REGISTRY_NAME.test(text) && text.length <= MAX_NAME_LENGTH ? text : undefined;
}

/** The settings of replicas, besides `upstream`. */
export const REPLICA_SETTINGS = {
  follow: optional<Follow>({
    word: "follow",
    key: "follow",
    help: "all makes it a read-only replica of the Everlock registry at upstream=, with its history",
    usage: "follow=all, or follow= for none",
    wanted: "'all'",
    candidates: ["all"],
    parse: parseFollow,
  }),
  upstreamStore: optional<string>({
    word: "upstream-store",
    key: "upstream_store",
    help: "the name that a replica's primary must have on its server",
    usage: "upstream-store=<name of the registry there>",
    wanted: "the name of a registry",
    parse: parseRegistryThere,
  }),
} as const;
