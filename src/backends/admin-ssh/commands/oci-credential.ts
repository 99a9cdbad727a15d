import {
  giveCredential,
  removeCredential,
  type UpstreamChoice,
  upstreamOfCredential,
} from "../../oci-http/operations/upstream-credential.ts";
import type { Command } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { INSTANCE, readInstance } from "./oci-words.ts";
import { outcome } from "./outcome.ts";

const REMOVE = "--remove";
const PROXY = "proxy=";

export const UPSTREAM_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "credential",
    parameters: [
      INSTANCE,
      { name: "username", candidates: () => [REMOVE] },
      { name: "proxy=<prefix>/**", optional: true, candidates: () => [PROXY] },
    ],
    summary: `keep a user name and password for a registry's upstream, and prompt for the password; ${REMOVE} forgets them`,
    details: [
      "it is sent to this upstream alone: a change of upstream= or upstream-realm= forgets it",
      "with proxy=hub/** it is for the upstream of that proxy; whoever may pull below hub/ then gets what this user may pull there",
      "it is in no store, no history and no list; backups carry it",
      "without a terminal, the password is a line of standard input",
    ],
    example: "/oci credential hub alice",
    adminOnly: true,
    isChange: true,
    async run([text = "", username = "", proxy], context) {
      const choice = { name: readInstance(text), prefix: readPrefix(proxy) };
      const { actor, askSecret } = context;
      const shown = shownChoice(choice);
      if (username === REMOVE) {
        const wasThere = await removeCredential(context, actor, choice);
        const done = wasThere ? `credential of ${shown} removed` : `${shown} has no credential`;
        return outcome(done, choiceJson(choice), wasThere);
      }
      const upstream = upstreamOfCredential(context, actor, choice);
      const password = await askSecret(`Password of '${username}' at ${upstream}: `, { isKnown: true });
      await giveCredential(context, actor, { ...choice, upstream, username, password });
      return outcome(`credential of ${shown} kept, for ${upstream} alone`, {
        ...choiceJson(choice),
        upstream,
      });
    },
  },
];

/** Reads `proxy=hub/**` or `proxy=hub`; nothing means the upstream of the whole registry. */
function readPrefix(word: string | undefined): string {
  if (word === undefined) return "";
  const [, prefix] = word.match(/^proxy=([^,]+?)(?:\/\*\*)?$/) ?? [];
  if (prefix !== undefined) return prefix;
  throw new ConsoleError(`'${word}' names no proxy of the registry; write proxy=<prefix>/**`);
}

function shownChoice({ name, prefix }: UpstreamChoice): string {
  return prefix === "" ? `'${name}'` : `'${name}' for proxy=${prefix}/**`;
}

function choiceJson({ name, prefix }: UpstreamChoice): object {
  return prefix === "" ? { name } : { name, prefix };
}
