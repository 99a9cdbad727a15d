import type { ImportTarget } from "../backends/oci-http/import/target/import-target.ts";
import { type ImportHeader, importTarget } from "../backends/oci-http/import/target/served-target.ts";
import { InstanceRegistry } from "../backends/oci-http/instances/instance-registry.ts";
import { SYSTEM_STORE } from "../backends/oci-http/settings/instance-config.ts";
import type { ServerConfig } from "../config/server-config.ts";
import { ServerTarget } from "../frontends/control/import-client.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import { UserDirectory } from "../primitives/users/user-directory.ts";
import { USERS_STORE, UserRegistry } from "../primitives/users/user-registry.ts";
import { serverDirectory } from "./data-directory-args.ts";
import { openOffline } from "./offline-storage.ts";

/** Runs `work` on a registry of the running server, or of the data directory or bucket if none runs on this machine. */
export async function withImportTarget<T>(
  config: ServerConfig,
  header: ImportHeader,
  usage: string,
  work: (target: ImportTarget) => Promise<T>,
): Promise<T> {
  const directory = serverDirectory(config, usage);
  const served = directory === undefined ? undefined : await ServerTarget.open(directory, header);
  if (served) return await work(served);
  await using undo = new AsyncDisposableStack();
  const { stores } = undo.use(await openOffline(config, usage));
  const system = await stores.open(SYSTEM_STORE);
  undo.defer(() => system.close());
  const usersStore = await stores.open(USERS_STORE);
  undo.defer(() => usersStore.close());
  const users = await UserRegistry.load(usersStore, consoleLogger.warn);
  const noUsers = new UserDirectory([]);
  const instances = await InstanceRegistry.open(
    { system, stores, users: () => noUsers, log: consoleLogger },
    config.instances ?? ((stored) => stored ?? []),
  );
  undo.defer(() => instances.close());
  return await work(importTarget({ instances, users: () => users.directory }, header));
}
