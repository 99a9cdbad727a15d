import { existsSync, statSync } from "node:fs";
import { defineCommand } from "citty";
import { readAdminPassword } from "../config/admin-password.ts";
import { resolveServerConfig, type ServerConfig } from "../config/server-config.ts";
import {
  type GivenSettings,
  type RawValue,
  SETTING_NAMES,
  type SettingName,
  UsageError,
} from "../config/settings.ts";
import { givenSettings, unknownVariables } from "../config/sources.ts";
import {
  CERTIFICATE_SETTING,
  CertificateError,
  CertificateFiles,
  type CertificatePaths,
} from "../frontends/http/listen/certificates.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import { visibleText } from "../primitives/text/visible-text.ts";
import { settingArgs } from "./setting-args.ts";

/** Settings whose value is not shown. */
const SECRETS: readonly string[] = ["admin-password"];

export const checkConfig = defineCommand({
  meta: {
    name: "check-config",
    description:
      "Check the settings that 'everlock serve' would use, and the files they name; exits with 2 if one is wrong",
  },
  args: settingArgs(),
  run({ rawArgs }) {
    const config = resolveServerConfig(rawArgs, process.env);
    for (const warning of unknownVariables(process.env)) consoleLogger.warn(warning);
    const given = givenSettings(rawArgs, process.env);
    checkFiles(config, given);
    for (const name of SETTING_NAMES) {
      const setting = given[name];
      if (!setting) continue;
      const value = SECRETS.includes(name) ? "(hidden)" : shown(setting.value);
      process.stdout.write(`${visibleText(`${name} = ${value}  (${placeOf(setting.source, name)})`)}\n`);
    }
    process.stdout.write("The settings are valid\n");
  },
});

/** Throws for an unusable certificate or password file. Nothing is written, and no port is opened. */
function checkFiles(
  { dataDir, http, admin, instances, passwordMinLength }: ServerConfig,
  given: GivenSettings,
): void {
  const sourceOf = (name: SettingName) => given[name]?.source ?? `--${name}`;
  instances?.(undefined);
  if (statSync(dataDir, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new UsageError(`${sourceOf("data-dir")}: ${dataDir} is not a directory`);
  if (http?.settings.listenTls) checkCertificates(http.certificates, sourceOf(CERTIFICATE_SETTING));
  const { password } = admin;
  if (password === undefined) return;
  // A file is read at the first start alone, and may be gone afterwards.
  if (password.kind === "given" || existsSync(password.path))
    readAdminPassword(password, passwordMinLength, consoleLogger);
  else
    consoleLogger.warn(`${password.setting}: there is no file ${password.path}; the first start requires it`);
}

/** Throws `UsageError`. */
function checkCertificates(paths: readonly CertificatePaths[], source: string): void {
  try {
    new CertificateFiles(paths, { log: consoleLogger, hosts: () => [] });
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw new UsageError(`${source}: ${error.message}`);
  }
}

function shown(value: RawValue): string {
  return Array.isArray(value) ? value.join(", ") : String(value);
}

/** `--gc-every`, `EVERLOCK_GC_EVERY` or `everlock.toml, line 3`. */
function placeOf(source: string, name: string): string {
  return source.endsWith(`: ${name}`) ? source.slice(0, -name.length - 2) : source;
}
