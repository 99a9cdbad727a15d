import type { AdminConsole } from "../../backends/admin-ssh/admin-console.ts";
import type { ConsoleServices } from "../../backends/admin-ssh/commands/command.ts";
import { ConsoleHistoryFile } from "../../backends/admin-ssh/console-history-file.ts";
import type { LocalConsole } from "../../backends/admin-ssh/local-console.ts";
import type { OtherNodes } from "../../backends/administration/configuration-follower.ts";
import type { InstanceRegistry } from "../../backends/oci-http/instances/instance-registry.ts";
import { lazily } from "../../primitives/lazily.ts";
import { serverPart } from "./context.ts";
import { DIRECTORY } from "./data.ts";
import { OTHER_NODES } from "./following.ts";
import { TRAFFIC } from "./http.ts";
import { NODES } from "./nodes.ts";
import { BACKENDS, INSTANCES, JOBS } from "./registries.ts";
import { RELOAD } from "./reload.ts";
import { REPLICAS } from "./replicas.ts";
import { PASSWORDS, TOKEN_USES, USERS } from "./users.ts";

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

const CONSOLE_SERVICES = serverPart({
  name: "the services of the console",
  needs: {
    users: USERS,
    passwords: PASSWORDS,
    instances: INSTANCES,
    replicas: REPLICAS,
    jobs: JOBS,
    backends: BACKENDS,
    tokenUses: TOKEN_USES,
    traffic: TRAFFIC,
    reload: RELOAD,
    nodes: NODES,
    others: OTHER_NODES,
  },
  stopsBeside: [JOBS],
  start: (
    { passwords, traffic, reload, nodes: { nodes }, others, ...services },
    { config, started },
  ): ConsoleServices => ({
    ...services,
    refresh: others && (() => refreshAll(others, services.instances)),
    passwords,
    passwordMinLength: config.passwordMinLength,
    server: { started, failedLogins: passwords.failures, traffic, reload, nodes },
  }),
});

/** While the storage is away, the console goes on with what this node knows. */
async function refreshAll(others: OtherNodes, instances: InstanceRegistry): Promise<void> {
  await Promise.allSettled([others.refresh(), ...instances.stores().map((store) => store.refresh())]);
}

export const CONSOLE = serverPart({
  name: "the console",
  needs: { services: CONSOLE_SERVICES, history: CONSOLE_HISTORY },
  stopsBeside: [JOBS],
  start({ services, history }, { log }): Pick<AdminConsole, "session" | "execute"> {
    const console = lazily(async () => {
      const { AdminConsole } = await import("../../backends/admin-ssh/admin-console.ts");
      return new AdminConsole(services, log, history.history);
    });
    return {
      session: async (...session) => (await console()).session(...session),
      execute: async (...line) => (await console()).execute(...line),
    };
  },
});

/** For commands of the server's machine; there is one even if the console over SSH is disabled. */
export const LOCAL_CONSOLE = serverPart({
  name: "the console of this machine",
  needs: { services: CONSOLE_SERVICES },
  stopsBeside: [JOBS],
  start({ services }, { log }): Pick<LocalConsole, "run"> {
    const console = lazily(async () => {
      const { LocalConsole } = await import("../../backends/admin-ssh/local-console.ts");
      return new LocalConsole(services, log);
    });
    return { run: async (...line) => (await console()).run(...line) };
  },
});
