import { SYSTEM_IDENTITY } from "../../../../primitives/store/commits/commit-group.ts";
import type { Identity } from "../../../../primitives/store/git/commit.ts";
import { parseUserName } from "../../../../primitives/users/user.ts";
import type { UserDirectory } from "../../../../primitives/users/user-directory.ts";
import { identityOf } from "../../../../primitives/users/user-registry.ts";
import { InvalidArgumentError } from "../../../refusals.ts";
import type { InstanceRegistry } from "../../instances/instance-registry.ts";
import { parseInstanceName } from "../../settings/instance-config.ts";
import { refuseReadOnly } from "../../settings/refuse-read-only.ts";
import type { ImportTarget } from "./import-target.ts";
import { StoreTarget, type TargetRegistry } from "./store-target.ts";

/** Which registry gets the images, and who imports them from where. */
export interface ImportHeader {
  readonly registry: string;
  /** The login of a user; without it, the commits are the server's own. */
  readonly as: string | undefined;
  /** See `Imported`. */
  readonly source: string;
}

export interface ImportServices {
  readonly instances: Pick<InstanceRegistry, "existing" | "storeOf">;
  readonly users: () => UserDirectory;
}

/** The target of an import by an administrator of this machine. Throws what is wrong with the header. */
export function importTarget(services: ImportServices, { registry, as, source }: ImportHeader): ImportTarget {
  const identity = authorOf(services.users(), as);
  const served = () => servedRegistry(services, registry);
  served();
  return new StoreTarget(served, { identity, source });
}

function authorOf(users: UserDirectory, as: string | undefined): Identity {
  if (as === undefined) return SYSTEM_IDENTITY;
  const name = parseUserName(as);
  if (!name || !users.get(name)) throw new InvalidArgumentError(`there is no user '${as}' to import as`);
  return identityOf(name);
}

function servedRegistry({ instances }: ImportServices, registry: string): TargetRegistry {
  const name = parseInstanceName(registry);
  if (!name) throw new InvalidArgumentError(`'${registry}' is no name of a registry`);
  const config = instances.existing(name);
  if (config.at)
    throw new InvalidArgumentError(
      `the registry '${name}' serves the state at the commit ${config.at} and takes nothing in; import to another one`,
    );
  if (config.follow)
    throw new InvalidArgumentError(
      `the registry '${name}' is a replica and takes in what its primary has; import to the primary, or promote it first`,
    );
  refuseReadOnly(config);
  return { config, oci: instances.storeOf(name) };
}
