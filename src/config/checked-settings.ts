import {
  type ListenAddress,
  listenAddressAdvice,
  parseListenAddress,
} from "../primitives/net/listen-address.ts";
import { parseSize, sizeAdvice } from "../primitives/text/byte-size.ts";
import { type GivenSettings, SETTINGS, type Setting, type SettingName, UsageError } from "./settings.ts";

/** Settings with defaults applied, read by their declared type. Invalid values throw `UsageError`. */
export class CheckedSettings {
  readonly #given: GivenSettings;

  constructor(given: GivenSettings) {
    this.#given = given;
  }

  /** Whether the setting was given, even with its default value. */
  isGiven(name: SettingName): boolean {
    return this.#given[name] !== undefined;
  }

  /** Names the setting in messages, by the place that gave it. */
  sourceOf(name: SettingName): string {
    return this.#given[name]?.source ?? `--${name}`;
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
    if (!value) throw new UsageError(`${this.sourceOf(name)} must not be empty`);
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
    return this.parsed(name, parse, "a size such as 512MiB or 10GiB", sizeAdvice);
  }

  /** `example`: an address for messages. */
  address(name: SettingName, example: string): ListenAddress {
    return this.parsed(name, parseListenAddress, `an address such as ${example}`, listenAddressAdvice);
  }

  /** A number from 1 to `max`; `undefined` if not given. */
  count(name: SettingName, max: number): number | undefined {
    if (this.optional(name) === undefined) return undefined;
    const parse = (text: string) =>
      /^[1-9]\d{0,8}$/.test(text) && Number(text) <= max ? Number(text) : undefined;
    return this.parsed(name, parse, `a number from 1 to ${max}`);
  }

  /** `advice` says what to write in place of a wrong text, if it can tell. */
  parsed<T>(
    name: SettingName,
    parse: (text: string) => T | undefined,
    expected: string,
    advice: (text: string) => string | undefined = () => undefined,
  ): T {
    const text = this.text(name);
    const value = parse(text);
    if (value !== undefined) return value;
    const better = advice(text);
    throw new UsageError(
      `${this.sourceOf(name)} must be ${expected}, not '${text}'${better === undefined ? "" : `; ${better}`}`,
    );
  }

  #value(name: SettingName): boolean | string | readonly string[] | undefined {
    const setting: Setting = SETTINGS[name];
    return this.#given[name]?.value ?? setting.fallback;
  }
}
