import { AdminConsole } from "../../backends/admin-ssh/admin-console.ts";
import { ConsoleHistoryFile } from "../../backends/admin-ssh/console-history-file.ts";
import { SshFrontend } from "../../frontends/ssh/ssh-frontend.ts";
import { ADMINISTRATOR } from "./administrator.ts";
import { serverPart } from "./context.ts";
import { DIRECTORY } from "./data.ts";
import { TRAFFIC } from "./http.ts";
import { BACKENDS, INSTANCES, JOBS } from "./registries.ts";
import { RELOAD } from "./reload.ts";
import { AUTHENTICATOR, PASSWORDS, TOKEN_USES, USERS } from "./users.ts";

const CONSOLE_HISTORY = serverPart({
  name: "the history of the console",
  needs: { directory: DIRECTORY, users: USERS },
  async start({ directory, users }, { log }) {
    const file = new ConsoleHistoryFile(`${directory.path}/console_history.json`, log);
    const forgetOthers = () => file.keepOnly((name) => users.directory.get(name)?.isDisabled === false);
    await forgetOthers();
    users.onChange(() => void forgetOthers());
    return file;
  },
  stop: (file) => file.close(),
});

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
    history: CONSOLE_HISTORY,
  },
  stopsBeside: [JOBS],
  start: ({ passwords, traffic, reload, history, ...services }, { config, log, started }) =>
    new AdminConsole(
      {
        ...services,
        passwords,
        passwordMinLength: config.passwordMinLength,
        server: { started, failedLogins: passwords.failures, traffic, reload },
      },
      log,
      history.history,
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
