import type { PasswordCredentials } from "../../../registry/client/upstream-credentials.ts";
import { type Actor, requireAdministrator } from "../../actor.ts";
import { ConflictError, InvalidArgumentError } from "../../refusals.ts";
import type { InstanceRegistry } from "../instances/instance-registry.ts";
import { type CredentialPlace, credentialKey, credentialPlacesOf } from "../settings/credential-places.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { StoredCredentials } from "../upstreams/stored-credentials.ts";
import { configOf } from "./registry-access.ts";

interface CredentialServices {
  readonly instances: Pick<InstanceRegistry, "list" | "credentials" | "mirrors">;
}

/** An upstream of a registry. */
export interface UpstreamChoice {
  readonly name: InstanceName;
  /** Of one of its proxies; empty for the upstream of the whole registry. */
  readonly prefix: string;
}

const MAX_USERNAME = 1024;
/** Some registries have tokens or keys of some KiB in its place. */
const MAX_PASSWORD = 16 * 1024;

/** The upstream to which a credential would be sent; for administrators, before a password is asked for. */
export function upstreamOfCredential(
  services: CredentialServices,
  actor: Actor,
  choice: UpstreamChoice,
): string {
  return placeOf(services, actor, choice).upstream;
}

/** Keeps a credential for the upstream that the registry has now; for administrators. */
export async function giveCredential(
  services: CredentialServices,
  actor: Actor,
  {
    upstream,
    username,
    password,
    ...choice
  }: UpstreamChoice & PasswordCredentials & { readonly upstream: string },
): Promise<void> {
  const { name } = choice;
  const place = placeOf(services, actor, choice);
  if (place.upstream !== upstream)
    throw new ConflictError(`the upstream of '${name}' was changed meanwhile; give the credential again`);
  if (username === "" || username.length > MAX_USERNAME || /[:\x00-\x1f\x7f]/.test(username))
    throw new InvalidArgumentError("the user name is empty, too long, or has a colon or control character");
  if (password === "" || password.length > MAX_PASSWORD || /[\x00-\x1f\x7f]/.test(password))
    throw new InvalidArgumentError("the password is empty, too long, or has a control character");
  const { key, realm } = place;
  await storeOf(services).put(key, { upstream, realm, username, password });
  services.instances.mirrors.forgetMisses();
}

/** Forgets it; for administrators. Resolves with whether there was one. */
export async function removeCredential(
  services: CredentialServices,
  actor: Actor,
  { name, prefix }: UpstreamChoice,
): Promise<boolean> {
  requireAdministrator(actor);
  configOf(services, name);
  return storeOf(services).drop([credentialKey(name, prefix)]);
}

function placeOf(
  services: CredentialServices,
  actor: Actor,
  { name, prefix }: UpstreamChoice,
): CredentialPlace {
  requireAdministrator(actor);
  const config = configOf(services, name);
  const place = credentialPlacesOf(config).find(({ key }) => key === credentialKey(name, prefix));
  if (place) return place;
  const proxies = config.proxies.map((proxy) => `proxy=${proxy.prefix}/**`).join(", ");
  if (prefix !== "")
    throw new ConflictError(
      `the registry '${name}' has no proxy=${prefix}/**; ${proxies === "" ? "it has none" : `it has ${proxies}`}`,
    );
  throw new ConflictError(
    proxies === ""
      ? `the registry '${name}' has no upstream; set one by upstream=<url>`
      : `the registry '${name}' has no upstream=; for what comes from elsewhere below a prefix, name that: ${proxies}`,
  );
}

function storeOf({ instances }: CredentialServices): StoredCredentials {
  if (instances.credentials) return instances.credentials;
  throw new ConflictError("this server keeps no credentials of upstreams");
}
