import { namesakes } from "../../backends/namesakes.ts";
import type { InstanceConfig } from "../../backends/oci-http/settings/instance-config.ts";
import { readAdminPassword } from "../../config/admin-password.ts";
import type { ServerConfig } from "../../config/server-config.ts";
import { LISTEN_SETTING, LISTEN_TLS_SETTING } from "../../frontends/http/listen/http-listener.ts";
import { OPS_LISTEN_SETTING } from "../../frontends/ops/ops-frontend.ts";
import { SSH_LISTEN_SETTING } from "../../frontends/ssh/ssh-frontend.ts";
import { refuseTakenPort } from "../../frontends/taken-port.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import { reloadTogether } from "../../primitives/reload.ts";
import { SYSTEM_IDENTITY } from "../../primitives/store/commits/commit-group.ts";
import { StaleReadError } from "../../primitives/store/commits/store.ts";
import { verifyPassword } from "../../primitives/users/passwords.ts";
import { ANONYMOUS, isReservedName, type User } from "../../primitives/users/user.ts";
import type { UserDirectory } from "../../primitives/users/user-directory.ts";
import type { UserRegistry } from "../../primitives/users/user-registry.ts";
import { serverPart } from "./context.ts";
import { INSTANCES } from "./registries.ts";
import { describeNamesake } from "./reload.ts";
import { USERS } from "./users.ts";

/** How this start found the administrator. */
export interface Administrator {
  /** Whether this start made the administrator. */
  readonly isNew: boolean;
  /** The password, if this start generated it. */
  readonly generatedPassword: string | undefined;
}

/**
 * Makes sure that an administrator exists before any client can connect. As a generated password is shown only once, the
 * ports are checked first.
 */
export const ADMINISTRATOR = serverPart({
  name: "the administrator",
  starting: "making the administrator",
  needs: { users: USERS, instances: INSTANCES },
  async start({ users, instances }, { config, log }) {
    refuseTakenPorts(config);
    const administrator = await bootstrapAdmin(users, config, log);
    reportNames(users.directory, instances.list(), log);
    return administrator;
  },
});

/** Throws `ListenError`. */
function refuseTakenPorts({ http, ops, ssh }: ServerConfig): void {
  if (http) refuseTakenPort("HTTP", http.settings.listen, LISTEN_SETTING);
  if (http?.settings.listenTls) refuseTakenPort("HTTPS", http.settings.listenTls, LISTEN_TLS_SETTING);
  if (ops) refuseTakenPort("health and metrics", ops, OPS_LISTEN_SETTING);
  if (ssh) refuseTakenPort("SSH", ssh, SSH_LISTEN_SETTING);
}

/** Warns the operator about names that an earlier version, git or a flag has introduced. */
function reportNames(users: UserDirectory, instances: readonly InstanceConfig[], log: Logger): void {
  for (const name of namesakes(users, instances)) log.warn(describeNamesake(name));
  for (const { name } of users.list()) {
    if (name !== ANONYMOUS && isReservedName(name))
      log.warn(
        `the user '${name}' has a reserved name: its commits look like the server's own; give it another login`,
      );
  }
}

async function bootstrapAdmin(
  users: UserRegistry,
  { admin: { name, password }, passwordMinLength }: ServerConfig,
  log: Logger,
): Promise<Administrator> {
  if (users.directory.hasAdministrator()) {
    if (password?.kind === "given") {
      // Nobody waits for the comparison, so that it does not delay the start.
      void warnOfOtherPassword(users.directory.get(name), password, log);
    } else if (password?.isSet) {
      log.info(
        `${password.setting} is not used: there is an administrator already; 'everlock passwd' or the console changes the password`,
      );
    }
    return { isNew: false, generatedPassword: undefined };
  }
  const generated = crypto.getRandomValues(new Uint8Array(15)).toBase64({ alphabet: "base64url" });
  const chosen = password ? readAdminPassword(password, passwordMinLength, log) : generated;
  try {
    await users.bootstrap(SYSTEM_IDENTITY, name, chosen);
  } catch (error) {
    if (!(error instanceof StaleReadError)) throw error;
    // Another node that started at the same time has made it.
    await reloadTogether([users]);
    return { isNew: false, generatedPassword: undefined };
  }
  return { isNew: true, generatedPassword: password ? undefined : generated };
}

/** A password that is given at a later start changes nothing; whoever expects to log in with it must know. */
async function warnOfOtherPassword(
  user: User | undefined,
  { password, setting }: { readonly password: string; readonly setting: string },
  log: Logger,
): Promise<void> {
  const hash = user?.credentials.find((credential) => credential.kind === "password")?.hash;
  if (user && hash !== undefined && (await verifyPassword(password, hash))) return;
  const what = user ? `is not the password of '${user.name}', which was set earlier` : "is not used";
  log.warn(
    `${setting} ${what}: it counts at the first start alone; 'everlock passwd' or the console changes a password`,
  );
}
