import { SshFrontend } from "../../frontends/ssh/ssh-frontend.ts";
import { ADMINISTRATOR } from "./administrator.ts";
import { CONSOLE } from "./console.ts";
import { serverPart } from "./context.ts";
import { DIRECTORY } from "./data.ts";
import { AUTHENTICATOR, USERS } from "./users.ts";

/** Provides `undefined` if the console is disabled. */
export const SSH = serverPart({
  name: "SSH",
  needs: {
    administrator: ADMINISTRATOR,
    directory: DIRECTORY,
    console: CONSOLE,
    users: USERS,
    authenticator: AUTHENTICATOR,
  },
  async start({ directory, console: adminConsole, users, authenticator }, { config, log, spawn }) {
    if (!config.ssh) return undefined;
    const ssh = await SshFrontend.start({
      listen: config.ssh,
      hostKeyFile: `${directory.path}/ssh_host_ed25519_key`,
      spawn: spawn.ssh,
      authenticator,
      users: () => users.directory,
      console: adminConsole,
      log,
    });
    users.onChange(() => ssh.usersChanged());
    return ssh;
  },
  stop: (ssh) => ssh?.stop(),
});
