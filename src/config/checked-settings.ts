import { parseSize } from "../primitives/text/byte-size.ts";
import { type RawSettings, SETTINGS, type Setting, type SettingName, UsageError } from "./settings.ts";

/** Settings with defaults applied, read by their declared type. Invalid values throw `UsageError`. */
export class CheckedSettings {
  readonly #raw: RawSettings;

  constructor(raw: RawSettings) {
    this.#raw = raw;
  }

  /** Whether the setting was given, even with its default value. */
  isGiven(name: SettingName): boolean {
    return this.#raw[name] !== undefined;
  }

  flag(name: SettingName): boolean {
    return this.#value(name) === true;
  }

  optional(name: SettingName): string | undefined {
    const value = this.#value(name);
    return typeof value === "string" ? value : undefined;
  }

  text(name: SettingName): string {
    const value = this.optional(name);
    if (!value) throw new UsageError(`--${name} must not be empty`);
    return value;
  }

  list(name: SettingName): readonly string[] {
    const value = this.#value(name);
    return Array.isArray(value) ? value : value === undefined ? [] : [String(value)];
  }

  /** In bytes; `undefined` if not given. */
  size(name: SettingName): number | undefined {
    if (this.optional(name) === undefined) return undefined;
    const parse = (text: string) => parseSize(text) || undefined;
    return this.parsed(name, parse, "a size such as 512MiB or 10GiB");
  }

  /** A number from 1 to `max`; `undefined` if not given. */
  count(name: SettingName, max: number): number | undefined {
    if (this.optional(name) === undefined) return undefined;
    const parse = (text: string) =>
      /^[1-9]\d{0,8}$/.test(text) && Number(text) <= max ? Number(text) : undefined;
    return this.parsed(name, parse, `a number from 1 to ${max}`);
  }

  parsed<T>(name: SettingName, parse: (text: string) => T | undefined, expected: string): T {
    const text = this.text(name);
    const value = parse(text);
    if (value === undefined) throw new UsageError(`--${name} must be ${expected}, not '${text}'`);
    return value;
  }

  #value(name: SettingName): boolean | string | readonly string[] | undefined {
    const setting: Setting = SETTINGS[name];
    return this.#raw[name] ?? setting.fallback;
  }
}
