import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Logger } from "../primitives/logging/logger.ts";
import { passwordFault } from "../primitives/users/passwords.ts";
import type { CheckedSettings } from "./checked-settings.ts";
import { readSecretFile } from "./secret-file.ts";
import { UsageError } from "./settings.ts";

/** The name of the systemd credential (LoadCredential= and similar). */
const CREDENTIAL = "admin-password";

const FILE = "admin-password-file";

/** The source of the first administrator's password. */
export type AdminPassword =
  | { readonly kind: "given"; readonly password: string; readonly setting: string }
  | {
      readonly kind: "file";
      readonly path: string;
      /** Names the setting in messages. */
      readonly setting: string;
      /** Whether a setting gives the path, not systemd. */
      readonly isSet: boolean;
    };

/**
 * `undefined` if a password is to be generated. Throws `UsageError`. The file is read later, and only if there is no
 * administrator yet, so that it may be removed after the first start.
 */
export function adminPassword(
  settings: CheckedSettings,
  environment: Readonly<Record<string, string | undefined>>,
): AdminPassword | undefined {
  const password = settings.optional("admin-password");
  if (password !== undefined) {
    const setting = settings.sourceOf("admin-password");
    if (settings.isGiven(FILE))
      throw new UsageError(`give ${setting} or ${settings.sourceOf(FILE)}, not both`);
    // Its length counts when it is used: an administrator of an earlier version may have a shorter one.
    return { kind: "given", password: checked(password, 1, setting), setting };
  }
  const setting = settings.sourceOf(FILE);
  if (settings.isGiven(FILE))
    return { kind: "file", path: resolve(settings.text(FILE)), isSet: true, setting };
  const directory = environment["CREDENTIALS_DIRECTORY"];
  const path = directory && `${directory}/${CREDENTIAL}`;
  return path && existsSync(path) ? { kind: "file", path, isSet: false, setting } : undefined;
}

/** Reads the password. Throws `UsageError`; logs a warning about a file that other users can access. */
export function readAdminPassword(
  source: AdminPassword,
  minLength: number,
  log: Pick<Logger, "warn">,
): string {
  if (source.kind === "given") return checked(source.password, minLength, source.setting);
  const { path, isSet, setting } = source;
  const { secret, exposure } = readSecretFile(path, setting);
  // systemd grants access to a credential by an ACL, which shows in the group bits.
  if (exposure && isSet)
    log.warn(`${setting}: ${path} is ${exposure} by other users; run 'chmod 600 ${path}'`);
  return checked(secret, minLength, `${setting}: ${path}`);
}

function checked(password: string, minLength: number, source: string): string {
  const fault = passwordFault(password, minLength);
  if (fault) throw new UsageError(`${source}: ${fault}`);
  return password;
}
