import { didYouMean } from "../primitives/text/nearest.ts";
import {
  environmentName,
  type GivenSetting,
  type GivenSettings,
  isSettingName,
  type RawValue,
  SETTING_NAMES,
  SETTINGS,
  type Setting,
  type SettingName,
  UsageError,
} from "./settings.ts";
import { settingsFromFile } from "./settings-file.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** All settings that were given. Precedence: flags, environment, file. Throws `UsageError`. */
export function givenSettings(args: readonly string[], environment: Environment): GivenSettings {
  const local = { ...settingsFromEnvironment(environment), ...settingsFromFlags(args) };
  const { value: file, source } = local.config ?? {};
  if (typeof file !== "string") return local;
  if (file === "") throw new UsageError(`${source} must not be empty`);
  return { ...settingsFromFile(file), ...local };
}

/** Warnings about variables that look like settings of Everlock and are none. */
export function unknownVariables(environment: Environment): string[] {
  const known = new Set(SETTING_NAMES.map(environmentName));
  return Object.keys(environment)
    .filter((name) => name.startsWith("EVERLOCK_") && !known.has(name))
    .map(
      (name) => `the environment variable ${name} is not a setting and is ignored${didYouMean(name, known)}`,
    );
}

/** Parses `--name value`, `--name=value`, `--name` and `--no-name`. Throws `UsageError` for anything else. */
function settingsFromFlags(args: readonly string[]): GivenSettings {
  const settings: Partial<Record<SettingName, GivenSetting>> = {};
  const give = (name: SettingName, value: RawValue) => {
    settings[name] = { value, source: `--${name}` };
  };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    const [, flag = "", given] = arg.match(/^--([a-z][a-z-]*)(?:=(.*))?$/s) ?? [];
    const positive = flag.replace(/^no-/, "");
    const name = isSettingName(flag) ? flag : positive;
    if (!isSettingName(name) || (name !== flag && SETTINGS[name].type !== "boolean"))
      throw unknownArgument(arg);
    const setting: Setting = SETTINGS[name];
    if (setting.type === "boolean") {
      give(name, given === undefined ? name === flag : parseBoolean(`--${flag}`, given) === (name === flag));
      continue;
    }
    const value = given ?? args[++i];
    if (value === undefined) throw new UsageError(`--${name} needs a value: --${name} <${setting.hint}>`);
    const before = settings[name]?.value;
    give(name, setting.type === "list" ? [...(Array.isArray(before) ? before : []), value] : value);
  }
  return settings;
}

function settingsFromEnvironment(environment: Environment): GivenSettings {
  const settings: Partial<Record<SettingName, GivenSetting>> = {};
  for (const name of SETTING_NAMES) {
    const source = environmentName(name);
    const text = environment[source];
    if (text === undefined) continue;
    const { type }: Setting = SETTINGS[name];
    const value =
      type === "boolean"
        ? parseBoolean(source, text)
        : type === "list"
          ? text.split(",").map((item) => item.trim())
          : text;
    settings[name] = { value, source };
  }
  return settings;
}

function parseBoolean(source: string, value: string): boolean {
  if (/^(true|1|yes|on)$/i.test(value)) return true;
  if (/^(false|0|no|off)$/i.test(value)) return false;
  throw new UsageError(`${source} must be true or false, not '${value}'`);
}

function unknownArgument(arg: string): UsageError {
  if (!arg.startsWith("-"))
    return new UsageError(`unexpected argument '${arg}'; the flag --help lists the flags`);
  const flag = arg.replace(/=.*/s, "");
  const known = SETTING_NAMES.flatMap((name) =>
    SETTINGS[name].type === "boolean" ? [`--${name}`, `--no-${name}`] : [`--${name}`],
  );
  return new UsageError(`unknown flag ${flag}${didYouMean(flag, known)}; the flag --help lists the flags`);
}
