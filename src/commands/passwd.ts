import { type ArgsDef, defineCommand } from "citty";
import { resolveServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import { SYSTEM_IDENTITY } from "../primitives/store/commits/commit-group.ts";
import { localStores } from "../primitives/store/open-engine.ts";
import { passwordFault } from "../primitives/users/passwords.ts";
import { parseUserName } from "../primitives/users/user.ts";
import { userNameFault } from "../primitives/users/user-name-fault.ts";
import { USERS_STORE, UserRegistry } from "../primitives/users/user-registry.ts";
import { askSecret } from "./ask-secret.ts";
import { acquireDataDirectory, PASSWORD_ARGS } from "./data-directory-args.ts";

const ARGS: ArgsDef = {
  login: { type: "positional", required: false, description: "login of the user" },
  ...PASSWORD_ARGS,
};

const USAGE = "use: everlock passwd <login> [--data-dir <dir>]";

export const passwd = defineCommand({
  meta: {
    name: "passwd",
    description: "Set a user's password while no server runs, for when no administrator can log in",
  },
  args: ARGS,
  async run({ rawArgs: [login = "", ...flags] }) {
    const name = parseUserName(login);
    if (!name)
      throw new UsageError(
        login === "" ? USAGE : `'${login}' is not a login: ${userNameFault(login)}; ${USAGE}`,
      );
    await using undo = new AsyncDisposableStack();
    const directory = acquireDataDirectory(flags, USAGE);
    undo.defer(() => directory.release());
    const store = await localStores(directory.path, consoleLogger).open(USERS_STORE);
    undo.defer(() => store.close());
    const users = await UserRegistry.load(store, consoleLogger.warn);
    users.existing(name);
    const password = await askSecret("Password: ");
    const fault = passwordFault(password, resolveServerConfig(flags, process.env).passwordMinLength);
    if (fault) throw new UsageError(fault);
    await users.setPassword(SYSTEM_IDENTITY, name, password);
    process.stdout.write(`password updated for '${name}'\n`);
  },
});
