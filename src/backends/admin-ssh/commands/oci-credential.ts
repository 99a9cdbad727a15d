import {
  giveCredential,
  removeCredential,
  upstreamOfCredential,
} from "../../oci-http/operations/upstream-credential.ts";
import { parseInstanceName } from "../../oci-http/settings/instance-config.ts";
import type { Command } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { INSTANCE } from "./oci-words.ts";
import { outcome } from "./outcome.ts";

const REMOVE = "--remove";

export const UPSTREAM_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "credential",
    parameters: [INSTANCE, { name: "username", candidates: () => [REMOVE] }],
    summary: `keep a user name and password for a registry's upstream, and prompt for the password; ${REMOVE} forgets them`,
    details: [
      "it is sent to this upstream alone: a change of upstream= or upstream-realm= forgets it",
      "it is in no store, no history and no list; backups carry it",
      "without a terminal, the password is a line of standard input",
    ],
    example: "/oci credential hub alice",
    adminOnly: true,
    isChange: true,
    async run([text = "", username = ""], context) {
      const name = parseInstanceName(text);
      if (!name) throw new ConsoleError(`'${text}' is not a registry's name`);
      const { actor, askSecret } = context;
      if (username === REMOVE) {
        const wasThere = await removeCredential(context, actor, name);
        const done = wasThere ? `credential of '${name}' removed` : `'${name}' has no credential`;
        return outcome(done, { name }, wasThere);
      }
      const upstream = upstreamOfCredential(context, actor, name);
      const password = await askSecret(`Password of '${username}' at ${upstream}: `, { isKnown: true });
      await giveCredential(context, actor, { name, upstream, username, password });
      return outcome(`credential of '${name}' kept, for ${upstream} alone`, { name, upstream });
    },
  },
];
