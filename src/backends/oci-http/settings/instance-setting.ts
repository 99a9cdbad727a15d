/** One setting of a registry: its name at the console, in the file and as a flag, its text form, and its default. */
export interface InstanceSetting<V> {
  /** Name at the console: `vhost` in `vhost=team.example.org`. */
  readonly word: string;
  /** Key in the file of registries. */
  readonly key: string;
  /** Flag of `everlock serve`, for the registry `default`. */
  readonly flag?: string;
  readonly help: string;
  /** Usage text at the console. */
  readonly usage: string;
  /** Description of a valid value in the file, for error messages. */
  readonly wanted: string;
  /** Description of a valid value of the flag, if different. */
  readonly wantedOfFlag?: string;
  /** What to write in place of a wrong text, if it can tell. */
  advice?(text: string): string | undefined;
  /** Values for completion after `=`. */
  readonly candidates?: readonly string[];
  /** Whether the value is a list: a list in the file, several words or a word with commas at the console. */
  readonly isList: boolean;
  readonly separator?: string;
  /** Whether the value may be empty at the console, which means none or the default. */
  readonly canBeEmpty: boolean;
  /**
   * Whether `/oci set` and a flag add to the old value or replace it. `fixed`: the setting is given when the registry is
   * created and never changes.
   */
  readonly change: "adds" | "replaces" | "fixed";
  /** Default value; `undefined` if there is none or if the setting is required. */
  readonly fallback: V | undefined;
  readonly isRequired: boolean;
  /** Formats a text for lists. */
  shown?(text: string): string;
  /** Parses one text; `undefined` if it is invalid. */
  parse(text: string): unknown;
  /** Formats the value; empty if it is the default. */
  print(value: V): readonly string[];
}

type Described = Pick<InstanceSetting<unknown>, "word" | "key" | "help" | "usage" | "wanted"> &
  Partial<
    Pick<
      InstanceSetting<unknown>,
      "flag" | "wantedOfFlag" | "advice" | "candidates" | "separator" | "change" | "canBeEmpty" | "shown"
    >
  >;

interface Written<T> {
  parse(text: string): T | undefined;
  write?(value: T): string;
}

/** A setting that every registry has. */
export function required<T>({
  parse,
  write = String,
  ...described
}: Described & Written<T>): InstanceSetting<T> {
  return {
    canBeEmpty: false,
    change: "replaces",
    ...described,
    isList: false,
    isRequired: true,
    fallback: undefined,
    parse,
    print: (value) => [write(value)],
  };
}

/** A setting that a registry need not have. */
export function optional<T>({
  parse,
  write = String,
  ...described
}: Described & Written<T>): InstanceSetting<T | undefined> {
  return {
    canBeEmpty: true,
    change: "replaces",
    ...described,
    isList: false,
    isRequired: false,
    fallback: undefined,
    parse,
    print: (value) => (value === undefined ? [] : [write(value)]),
  };
}

/** A setting with a default, which an empty value at the console returns to. */
export function defaulted<T extends string>({
  parse,
  write = String,
  fallback,
  ...described
}: Described & Written<T> & { readonly fallback: T }): InstanceSetting<T> {
  return {
    canBeEmpty: true,
    change: "replaces",
    ...described,
    isList: false,
    isRequired: false,
    fallback,
    parse,
    print: (value) => (value === fallback ? [] : [write(value)]),
  };
}

/** A setting with a fixed set of values. */
export function choice<T extends string>({
  values,
  ...described
}: Described & { readonly values: readonly [T, ...T[]] }): InstanceSetting<T> {
  const [fallback] = values;
  return {
    canBeEmpty: false,
    change: "replaces",
    candidates: values,
    ...described,
    isList: false,
    isRequired: false,
    fallback,
    parse: (text) => values.find((known) => known === text),
    print: (value) => (value === fallback ? [] : [value]),
  };
}

export function several<T>({
  parse,
  write = String,
  ...described
}: Described & Written<T>): InstanceSetting<readonly T[]> {
  return {
    canBeEmpty: true,
    change: "replaces",
    ...described,
    isList: true,
    isRequired: false,
    fallback: [],
    parse,
    print: (values) => values.map(write),
  };
}
