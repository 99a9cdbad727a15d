import { readFileSync } from "node:fs";
import { parse, TomlError } from "smol-toml";
import { messageOf } from "../primitives/expected-error.ts";
import {
  environmentName,
  isSettingName,
  type RawSettings,
  SETTING_NAMES,
  SETTINGS,
  type Setting,
  type SettingName,
  UsageError,
} from "./settings.ts";

type RawValue = boolean | string | readonly string[];

/** Parses `--name value`, `--name=value`, `--name` and `--no-name`. Throws `UsageError` for anything else. */
export function settingsFromFlags(args: readonly string[]): RawSettings {
  const settings: Partial<Record<SettingName, RawValue>> = {};
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    const [, flag = "", given] = arg.match(/^--([a-z][a-z-]*)(?:=(.*))?$/s) ?? [];
    const positive = flag.replace(/^no-/, "");
    const name = isSettingName(flag) ? flag : positive;
    if (!isSettingName(name) || (name !== flag && SETTINGS[name].type !== "boolean"))
      throw unknownArgument(arg);
    const setting: Setting = SETTINGS[name];
    if (setting.type === "boolean") {
      settings[name] =
        given === undefined ? name === flag : parseBoolean(`--${flag}`, given) === (name === flag);
      continue;
    }
    const value = given ?? args[++i];
    if (value === undefined) throw new UsageError(`--${name} needs a value: --${name} <${setting.hint}>`);
    const before = settings[name];
    settings[name] = setting.type === "list" ? [...(Array.isArray(before) ? before : []), value] : value;
  }
  return settings;
}

export function settingsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): RawSettings {
  const settings: Partial<Record<SettingName, RawValue>> = {};
  for (const name of SETTING_NAMES) {
    const variable = environmentName(name);
    const value = environment[variable];
    if (value === undefined) continue;
    const { type }: Setting = SETTINGS[name];
    settings[name] =
      type === "boolean"
        ? parseBoolean(variable, value)
        : type === "list"
          ? value.split(",").map((item) => item.trim())
          : value;
  }
  return settings;
}

export function settingsFromFile(path: string): RawSettings {
  const settings: Partial<Record<SettingName, RawValue>> = {};
  for (const [name, value] of Object.entries(readToml(path))) {
    if (!isSettingName(name) || name === "config") throw new UsageError(`${path}: unknown setting '${name}'`);
    settings[name] = checkFileValue(path, name, value);
  }
  return settings;
}

function checkFileValue(path: string, name: SettingName, value: unknown): RawValue {
  const { type, hint }: Setting = SETTINGS[name];
  const fits = type === "boolean" ? typeof value === "boolean" : typeof value === "string";
  if (fits) return value as boolean | string;
  if (hint === "count" && typeof value === "number") return String(value);
  if (type === "list" && Array.isArray(value) && value.every((item) => typeof item === "string"))
    return value;
  const text = hint === "count" ? "a number" : "a string";
  const wanted = { boolean: "true or false", string: text, list: "a string or a list of strings" }[type];
  throw new UsageError(`${path}: '${name}' must be ${wanted}`);
}

function readToml(path: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`can't read the configuration file ${path}: ${messageOf(error)}`);
  }
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new UsageError(`${path}, line ${error.line}: ${error.message.split("\n")[0]}`);
  }
}

function parseBoolean(source: string, value: string): boolean {
  if (/^(true|1|yes|on)$/i.test(value)) return true;
  if (/^(false|0|no|off)$/i.test(value)) return false;
  throw new UsageError(`${source} must be true or false, not '${value}'`);
}

function unknownArgument(arg: string): UsageError {
  const what = arg.startsWith("-")
    ? `unknown flag ${arg.replace(/=.*/s, "")}`
    : `unexpected argument '${arg}'`;
  return new UsageError(`${what}; 'everlock serve --help' lists the flags`);
}
