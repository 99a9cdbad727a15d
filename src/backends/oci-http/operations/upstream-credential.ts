import type { UpstreamCredentials } from "../../../registry/client/upstream-credentials.ts";
import { type Actor, requireAdministrator } from "../../actor.ts";
import { ConflictError, InvalidArgumentError } from "../../refusals.ts";
import type { InstanceRegistry } from "../instances/instance-registry.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { StoredCredentials } from "../upstreams/stored-credentials.ts";
import { configOf } from "./registry-access.ts";

interface CredentialServices {
  readonly instances: Pick<InstanceRegistry, "list" | "credentials" | "mirrors">;
}

const MAX_USERNAME = 1024;
/** Some registries have tokens or keys of some KiB in its place. */
const MAX_PASSWORD = 16 * 1024;

/** The upstream to which a credential of this registry would be sent; for administrators, before a password is asked for. */
export function upstreamOfCredential(services: CredentialServices, actor: Actor, name: InstanceName): string {
  requireAdministrator(actor);
  const { upstream } = configOf(services, name);
  if (upstream !== undefined) return upstream;
  throw new ConflictError(`the registry '${name}' has no upstream; set one by upstream=<url>`);
}

/** Keeps a credential for the upstream that the registry has now; for administrators. */
export async function giveCredential(
  services: CredentialServices,
  actor: Actor,
  {
    name,
    upstream,
    username,
    password,
  }: UpstreamCredentials & { readonly name: InstanceName; readonly upstream: string },
): Promise<void> {
  if (upstreamOfCredential(services, actor, name) !== upstream)
    throw new ConflictError(`the upstream of '${name}' was changed meanwhile; give the credential again`);
  if (username === "" || username.length > MAX_USERNAME || /[:\x00-\x1f\x7f]/.test(username))
    throw new InvalidArgumentError("the user name is empty, too long, or has a colon or control character");
  if (password === "" || password.length > MAX_PASSWORD || /[\x00-\x1f\x7f]/.test(password))
    throw new InvalidArgumentError("the password is empty, too long, or has a control character");
  const { upstreamRealm: realm } = configOf(services, name);
  await storeOf(services).put(name, { upstream, realm, username, password });
  services.instances.mirrors.forgetMisses();
}

/** Forgets it; for administrators. Resolves with whether there was one. */
export async function removeCredential(
  services: CredentialServices,
  actor: Actor,
  name: InstanceName,
): Promise<boolean> {
  requireAdministrator(actor);
  configOf(services, name);
  return storeOf(services).drop([name]);
}

function storeOf({ instances }: CredentialServices): StoredCredentials {
  if (instances.credentials) return instances.credentials;
  throw new ConflictError("this server keeps no credentials of upstreams");
}
