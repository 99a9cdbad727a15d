import { readFileSync } from "node:fs";
import { parse, TomlError } from "smol-toml";
import { messageOf } from "../primitives/expected-error.ts";
import { didYouMean } from "../primitives/text/nearest.ts";
import {
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

/** Reads the TOML file `--config`. Throws `UsageError` with the file and the line. */
export function settingsFromFile(path: string): GivenSettings {
  const text = readText(path);
  const settings: Partial<Record<SettingName, GivenSetting>> = {};
  for (const [name, value] of Object.entries(parseFile(path, text))) {
    const at = `${path}, line ${lineOf(name, text)}`;
    if (name === "config") throw new UsageError(`${at}: a file can't name another file with settings`);
    if (!isSettingName(name))
      throw new UsageError(`${at}: unknown setting '${name}'${didYouMean(name, SETTING_NAMES)}`);
    const source = `${at}: ${name}`;
    settings[name] = { value: checkedValue(source, name, value), source };
  }
  return settings;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`can't read the configuration file ${path}: ${messageOf(error)}`);
  }
}

function parseFile(path: string, text: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new UsageError(`${path}, line ${error.line}: ${error.message.split("\n")[0]}`);
  }
}

/** Settings whose text may be a number in TOML; their own check then accepts or refuses it. */
const NUMBERS: readonly (string | undefined)[] = ["count", "size", "duration", "host:port"];

function checkedValue(source: string, name: SettingName, value: unknown): RawValue {
  const { type, hint }: Setting = SETTINGS[name];
  if (typeof value === (type === "boolean" ? "boolean" : "string")) return value as boolean | string;
  if (typeof value === "number" && NUMBERS.includes(hint)) return String(value);
  if (type === "list" && Array.isArray(value) && value.every((item) => typeof item === "string"))
    return value;
  const text = hint === "count" ? "a number" : "a string";
  const wanted = { boolean: "true or false", string: text, list: "a string or a list of strings" }[type];
  throw new UsageError(`${source} must be ${wanted}`);
}

/** The line, from 1, on which the document has a key at its top level. */
function lineOf(key: string, text: string): number {
  const lines = text.split("\n").map((line) => `${line}\n`);
  // A line inside a string of several lines can look like a key, but the text before it is no document.
  const index = lines.findIndex(
    (line, i) => firstKeyOf(line) === key && isDocument(lines.slice(0, i).join("")),
  );
  return index + 1;
}

/** The key, or the table, that a line begins with. */
function firstKeyOf(line: string): string | undefined {
  const [, bare, basic, literal] =
    line.match(/^\s*(?:\[{1,2}\s*)?(?:([\w-]+)|"([^"]*)"|'([^']*)')\s*[=.\]]/) ?? [];
  return bare ?? basic ?? literal;
}

function isDocument(text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}
