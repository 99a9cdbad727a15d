import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Logger } from "../primitives/logging/logger.ts";
import { passwordFault } from "../primitives/users/passwords.ts";
import type { CheckedSettings } from "./checked-settings.ts";
import { readSecretFile } from "./secret-file.ts";
import { UsageError } from "./settings.ts";

/** The name of the systemd credential (LoadCredential= and similar). */
const CREDENTIAL = "admin-password";

/** The source of the first administrator's password. */
export type AdminPassword =
  | { readonly kind: "given"; readonly password: string }
  | {
      readonly kind: "file";
      readonly path: string;
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

/** Reads the password. Throws `UsageError`; logs a warning about a file that other users can access. */
export function readAdminPassword(source: AdminPassword, log: Pick<Logger, "warn">): string {
  if (source.kind === "given") return source.password;
  const { path, isSet } = source;
  const { secret, exposure } = readSecretFile(path, "admin-password-file");
  // systemd grants access to a credential by an ACL, which shows in the group bits.
  if (exposure && isSet)
    log.warn(`--admin-password-file: ${path} is ${exposure} by other users; run 'chmod 600 ${path}'`);
  return checked(secret, `--admin-password-file: ${path}`);
}

function checked(password: string, source: string): string {
  const fault = passwordFault(password);
  if (fault) throw new UsageError(`${source}: ${fault}`);
  return password;
}
