import { stringify } from "smol-toml";
import type { Grant } from "../../primitives/users/access-file.ts";
import { ANONYMOUS, sshKeys, type User } from "../../primitives/users/user.ts";
import type { UserDirectory } from "../../primitives/users/user-directory.ts";
import { type Actor, requireAdministrator } from "../actor.ts";
import type { InstanceConfig } from "../oci-http/settings/instance-config.ts";
import { ALL_SETTINGS, settingTexts } from "../oci-http/settings/instance-settings.ts";

export interface ExportServices {
  readonly users: { readonly directory: UserDirectory };
  readonly instances: { list(): readonly InstanceConfig[] };
}

/** The state of the server as a document, without API tokens; to apply it changes nothing. For administrators. */
export function exportDocument(
  { users: { directory }, instances }: ExportServices,
  actor: Actor,
  { hasHashes }: { readonly hasHashes: boolean },
): string {
  requireAdministrator(actor);
  return stringify({
    registry: instances.list().map(registryTable),
    group: directory
      .groups()
      .map(({ name, members, grants }) => ({ name, members: [...members], grants: grantTables(grants) })),
    user: directory.list().map((user) => userTable(user, hasHashes)),
  });
}

function registryTable(config: InstanceConfig): Record<string, unknown> {
  const entries = ALL_SETTINGS.map((setting) => {
    const texts = settingTexts(config, setting);
    return [setting.key, setting.isList ? texts : texts[0]] as const;
  });
  return { name: config.name, ...Object.fromEntries(entries.filter(([, value]) => value !== undefined)) };
}

function userTable(user: User, hasHashes: boolean): Record<string, unknown> {
  const { name, displayName, isDisabled, credentials, grants } = user;
  if (name === ANONYMOUS) return { login: name, grants: grantTables(grants) };
  const [hash] = credentials.flatMap((credential) => (credential.kind === "password" ? credential.hash : []));
  return {
    login: name,
    display_name: displayName,
    disabled: isDisabled,
    ...(hasHashes && hash !== undefined && { password_hash: hash }),
    ssh_keys: sshKeys(user).map(({ key, comment }) => `${key} ${comment}`.trimEnd()),
    grants: grantTables(grants),
  };
}

function grantTables(grants: readonly Grant[]): Record<string, string>[] {
  return grants.map(({ path, role }) => ({ path, role }));
}
