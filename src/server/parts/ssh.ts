import { AdminConsole } from "../../backends/admin-ssh/admin-console.ts";
import { SshFrontend } from "../../frontends/ssh/ssh-frontend.ts";
import { ADMINISTRATOR } from "./administrator.ts";
import { serverPart } from "./context.ts";
import { DIRECTORY } from "./data.ts";
import { TRAFFIC } from "./http.ts";
import { BACKENDS, INSTANCES, JOBS } from "./registries.ts";
import { RELOAD } from "./reload.ts";
import { AUTHENTICATOR, PASSWORDS, TOKEN_USES, USERS } from "./users.ts";

const CONSOLE = serverPart({
  name: "the console",
  needs: {
    users: USERS,
    passwords: PASSWORDS,
    instances: INSTANCES,
    jobs: JOBS,
    backends: BACKENDS,
    tokenUses: TOKEN_USES,
    traffic: TRAFFIC,
    reload: RELOAD,
  },
  stopsBeside: [JOBS],
  start: ({ passwords, traffic, reload, ...services }, { log, started }) =>
    new AdminConsole(
      { ...services, server: { started, failedLogins: passwords.failures, traffic, reload } },
      log,
    ),
});

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
