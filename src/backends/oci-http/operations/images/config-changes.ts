import type { Texts } from "./bounded-text.ts";
import type { ImageConfig } from "./image-config.ts";

/** A value of a configuration that differs; `undefined`: not there. */
export interface ConfigChange {
  readonly field:
    | "platform"
    | "created"
    | "author"
    | "user"
    | "entrypoint"
    | "command"
    | "workingDir"
    | "stopSignal"
    | "environment"
    | "label"
    | "port"
    | "volume"
    | "annotation";
  /** Of a variable, label, port, volume or annotation. */
  readonly name: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** What of two images is compared besides their layers. */
export interface Configured {
  readonly image: ImageConfig | undefined;
  readonly annotations: Texts;
}

const SINGLE = ["platform", "created", "author", "user", "workingDir", "stopSignal"] as const;
const LISTS = ["entrypoint", "command"] as const;

/** What differs, field by field; names within a field are sorted. */
export function configChanges(from: Configured, to: Configured): ConfigChange[] {
  return [
    ...SINGLE.flatMap((field) => changed(field, undefined, from.image?.[field], to.image?.[field])),
    ...LISTS.flatMap((field) =>
      changed(field, undefined, commandText(from.image?.[field]), commandText(to.image?.[field])),
    ),
    ...mapChanges("environment", variables(from.image), variables(to.image)),
    ...mapChanges("label", mapOf(from.image?.labels), mapOf(to.image?.labels)),
    ...mapChanges("port", setOf(from.image?.ports), setOf(to.image?.ports)),
    ...mapChanges("volume", setOf(from.image?.volumes), setOf(to.image?.volumes)),
    ...mapChanges("annotation", mapOf(from.annotations), mapOf(to.annotations)),
  ];
}

function changed(
  field: ConfigChange["field"],
  name: string | undefined,
  from: string | undefined,
  to: string | undefined,
): ConfigChange[] {
  return from === to ? [] : [{ field, name, from, to }];
}

type Named = ReadonlyMap<string, string>;

function mapChanges(field: ConfigChange["field"], from: Named, to: Named): ConfigChange[] {
  const names = [...new Set([...from.keys(), ...to.keys()])].sort();
  return names.flatMap((name) => changed(field, name, from.get(name), to.get(name)));
}

/** A command as a shell would read it. */
export function commandText(words: readonly string[] | undefined): string | undefined {
  if (!words || words.length === 0) return undefined;
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(" ");
}

function variables(image: ImageConfig | undefined): Named {
  return new Map(
    image?.environment.map((text) => {
      const end = text.indexOf("=");
      return end < 0 ? [text, ""] : [text.slice(0, end), text.slice(end + 1)];
    }),
  );
}

function mapOf(texts: Texts | undefined): Named {
  return new Map(Object.entries(texts ?? {}));
}

function setOf(texts: readonly string[] | undefined): Named {
  return new Map(texts?.map((text) => [text, "yes"]));
}
