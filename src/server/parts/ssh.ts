import { SshFrontend } from "../../frontends/ssh/ssh-frontend.ts";
import { ADMINISTRATOR } from "./administrator.ts";
import { CONSOLE } from "./console.ts";
import { serverPart } from "./context.ts";
import { STORES } from "./data.ts";
import { OTHER_NODES } from "./following.ts";
import { AUTHENTICATOR, USERS } from "./users.ts";

/** Provides `undefined` if the console is disabled. */
export const SSH = serverPart({
  name: "SSH",
  needs: {
    administrator: ADMINISTRATOR,
    stores: STORES,
    console: CONSOLE,
    users: USERS,
    authenticator: AUTHENTICATOR,
    others: OTHER_NODES,
  },
  async start(
    { stores: { stores }, console: adminConsole, users, authenticator, others },
    { config, log, spawn },
  ) {
    if (!config.ssh) return undefined;
    const ssh = await SshFrontend.start({
      listen: config.ssh,
      secrets: stores,
      spawn: spawn.ssh,
      authenticator,
      users: () => users.directory,
      console: adminConsole,
      others,
      log,
    });
    users.onChange(() => ssh.usersChanged());
    return ssh;
  },
  stop: (ssh) => ssh?.stop(),
});
