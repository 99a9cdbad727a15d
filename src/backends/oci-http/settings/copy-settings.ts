import { formatSyncRule, parseSyncRule, SYNC_RULE_EXAMPLE, type SyncRule } from "../policy/sync-rules.ts";
import { several } from "./instance-setting.ts";

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
  }),
} as const;
