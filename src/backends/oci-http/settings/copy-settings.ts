import { parseSize, sizeAdvice, writeSize } from "../../../primitives/text/byte-size.ts";
import { durationAdvice, formatDuration, parseDuration } from "../../../primitives/text/duration.ts";
import {
  formatSyncRule,
  parseSyncRule,
  SYNC_RULE_EXAMPLE,
  type SyncRule,
  syncRuleAdvice,
} from "../policy/sync-rules.ts";
import { optional, several } from "./instance-setting.ts";

/** The settings of a registry with an upstream that say what of it is copied ahead, and what of the copy is kept. */
export const COPY_SETTINGS = {
  sync: several<SyncRule>({
    word: "sync",
    key: "sync",
    help: "what is copied from upstream in the background; write several rules as several words",
    usage: `sync=${SYNC_RULE_EXAMPLE}, or sync= for none`,
    wanted: `a list of rules such as ${SYNC_RULE_EXAMPLE}`,
    parse: parseSyncRule,
    write: formatSyncRule,
    advice: syncRuleAdvice,
  }),
  keepPulled: optional<number>({
    word: "keep-pulled",
    key: "keep_pulled",
    help: "how long what came from upstream is kept after its last pull",
    usage: "keep-pulled=90d, or keep-pulled= to keep all",
    wanted: "a duration such as 90d, of at least 1d",
    parse: parseKeptTime,
    write: formatDuration,
    advice: keptTimeAdvice,
  }),
  keepSize: optional<number>({
    word: "keep-size",
    key: "keep_size",
    help: "how many bytes of what came from upstream are kept; what was not pulled for the longest time goes first",
    usage: "keep-size=500GiB, or keep-size= to keep all",
    wanted: "a size such as 500GiB",
    parse: parseSize,
    write: writeSize,
    advice: sizeAdvice,
  }),
} as const;

/** Pulls are noted by the hour. */
const MIN_KEPT_SECONDS = 24 * 60 * 60;

function parseKeptTime(text: string): number | undefined {
  const seconds = parseDuration(text);
  return seconds !== undefined && seconds >= MIN_KEPT_SECONDS ? seconds : undefined;
}

function keptTimeAdvice(text: string): string | undefined {
  const advice = "use at least 1d, as pulls are noted by the hour";
  return parseDuration(text) === undefined ? durationAdvice(text) : advice;
}
