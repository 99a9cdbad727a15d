/** One setting of a registry: how it is written at the console, in the file and as a flag, and what it means unsaid. */
export interface InstanceSetting<V> {
  /** At the console: `vhost` of `vhost=team.example.org`. */
  readonly word: string;
  /** In the file of registries. */
  readonly key: string;
  /** Of `everlock serve`, for the registry `default`. */
  readonly flag?: string;
  readonly help: string;
  /** How it is written at the console, in full. */
  readonly usage: string;
  /** What a right value in the file is. */
  readonly wanted: string;
  /** What a right value of the flag is, where that is another. */
  readonly wantedOfFlag?: string;
  /** What may follow `=`, for completion. */
  readonly candidates?: readonly string[];
  /** Whether a value is several texts: a list in the file, and several words or a word with commas at the console. */
  readonly isList: boolean;
  readonly separator?: string;
  /** Whether nothing may stand for it at the console: none, or as it is without. */
  readonly canBeEmpty: boolean;
  /**
   * What `/oci set` and a flag do to what was set before: add to it or replace it. `fixed`: it is said when the registry
   * is made, and at no other time.
   */
  readonly change: "adds" | "replaces" | "fixed";
  /** Of a registry that says nothing of it; `undefined` also where it must be said. */
  readonly fallback: V | undefined;
  readonly isRequired: boolean;
  /** Another way to show it in a list. */
  shown?(text: string): string;
  /** One text; `undefined` if it is not right. */
  parse(text: string): unknown;
  /** All texts; nothing where it is as it is without. */
  print(value: V): readonly string[];
}

type Described = Pick<InstanceSetting<unknown>, "word" | "key" | "help" | "usage" | "wanted"> &
  Partial<
    Pick<
      InstanceSetting<unknown>,
      "flag" | "wantedOfFlag" | "candidates" | "separator" | "change" | "canBeEmpty" | "shown"
    >
  >;

interface Written<T> {
  parse(text: string): T | undefined;
  write?(value: T): string;
}

/** What must be said of every registry. */
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

/** What a registry may do without. */
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

/** One of a few words. */
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
