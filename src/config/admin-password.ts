import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Logger } from "../primitives/logging/logger.ts";
import { passwordFault } from "../primitives/users/passwords.ts";
import type { CheckedSettings } from "./checked-settings.ts";
import { readSecretFile } from "./secret-file.ts";
import { UsageError } from "./settings.ts";

/** The name of the credential that systemd hands over with LoadCredential= and its like. */
const CREDENTIAL = "admin-password";

/** Where the first administrator's password comes from; `undefined`: one is generated. */
export type AdminPassword =
  | { readonly kind: "given"; readonly password: string }
  | {
      readonly kind: "file";
      readonly path: string;
      /** Whether a setting names it, rather than systemd. */
      readonly isSet: boolean;
    };

/** Throws `UsageError`. A file is not read yet: it need not be there any more once there is an administrator. */
export function adminPassword(
  settings: CheckedSettings,
  environment: Readonly<Record<string, string | undefined>>,
): AdminPassword | undefined {
  const password = settings.optional("admin-password");
  if (password !== undefined) {
    if (settings.isGiven("admin-password-file"))
      throw new UsageError("give --admin-password or --admin-password-file, not both");
    return { kind: "given", password: checked(password, "--admin-password") };
  }
  if (settings.isGiven("admin-password-file"))
    return { kind: "file", path: resolve(settings.text("admin-password-file")), isSet: true };
  const directory = environment["CREDENTIALS_DIRECTORY"];
  const path = directory && `${directory}/${CREDENTIAL}`;
  return path && existsSync(path) ? { kind: "file", path, isSet: false } : undefined;
}

/** The password itself. Throws `UsageError`; `log` is warned of a file that others can read. */
export function readAdminPassword(source: AdminPassword, log: Pick<Logger, "warn">): string {
  if (source.kind === "given") return source.password;
  const { path, isSet } = source;
  const { secret, exposure } = readSecretFile(path, "admin-password-file");
  // systemd shows by the group's bits whom it lets read a credential.
  if (exposure && isSet)
    log.warn(
      `--admin-password-file: ${path} is ${exposure} by others than its owner; 'chmod 600 ${path}' ends that`,
    );
  return checked(secret, `--admin-password-file: ${path}`);
}

function checked(password: string, source: string): string {
  const fault = passwordFault(password);
  if (fault) throw new UsageError(`${source}: ${fault}`);
  return password;
}
