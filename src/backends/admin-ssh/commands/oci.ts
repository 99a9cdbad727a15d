import { meantHint } from "../../../primitives/text/nearest.ts";
import { withoutUser } from "../../../registry/client/upstream-url.ts";
import {
  changeRegistry,
  createRegistry,
  deleteRegistry,
  listRegistries,
  type RegistryRecord,
  removeHost,
} from "../../oci-http/operations/registries.ts";
import { type InstanceName, parseInstanceName } from "../../oci-http/settings/instance-config.ts";
import {
  ALL_SETTINGS,
  type AnySetting,
  INSTANCE_SETTINGS,
  type InstanceValues,
  readSettings,
  settingWords,
} from "../../oci-http/settings/instance-settings.ts";
import { readYes, withoutYes, YES } from "./access-words.ts";
import type { Command, Listing, Parameter, Screen } from "./command.ts";
import { confirmed } from "./confirmed.ts";
import { ConsoleError } from "./console-error.ts";
import type { Candidates } from "./known-names.ts";
import { INSTANCE } from "./oci-words.ts";
import { outcome } from "./outcome.ts";
import { readMoment } from "./read-moment.ts";
import { IF_EXISTS, IF_MISSING } from "./repeat.ts";
import { describeReplica } from "./replica-words.ts";
import { alignColumns, alignPairs, isWithin } from "./table.ts";

const hostsOf: Candidates = (names, { before: [registry] }) =>
  names
    .registries()
    .flatMap(({ name, vhosts }) => (name === registry ? vhosts.map((host) => `${HOST}=${host}`) : []));
const NAME: Parameter = { ...INSTANCE, name: "name" };
const HOST = INSTANCE_SETTINGS.vhosts.word;
const AT = INSTANCE_SETTINGS.at.word;
const HOST_SETTING = ALL_SETTINGS.filter(({ word }) => word === HOST);
const CREATE_SETTINGS = ALL_SETTINGS;
const SET_SETTINGS = ALL_SETTINGS.filter(({ change }) => change !== "fixed");

export const OCI_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "list",
    parameters: [],
    summary: "list the OCI registries with their stores and host names",
    example: "/oci list",
    adminOnly: false,
    run: (_args, context) => renderRegistries(listRegistries(context), context),
  },
  {
    scope: "oci",
    verb: "create",
    parameters: [
      { name: "name" },
      { name: "vhost=<host>", repeated: true, candidates: () => [...candidatesOf(CREATE_SETTINGS), YES] },
    ],
    summary:
      "create a registry at a host name; store=<name> names its store, at=<when> makes it serve a past state",
    details: (screen) => [
      ...settingHelp(CREATE_SETTINGS)(screen),
      "",
      "the user that a registry is named after owns it; where there is one, --yes confirms that",
    ],
    example: "/oci create team vhost=team.example.org",
    adminOnly: true,
    isChange: true,
    repeats: [IF_MISSING],
    async run([text = "", ...args], context) {
      const name = readName(text);
      const { words, isSure: acceptsNamesake } = withoutYes(args);
      const isMoment = (word: string) => word.startsWith(`${AT}=`);
      const settings = readWords(
        words.filter((word) => !isMoment(word)),
        CREATE_SETTINGS,
      );
      const when = words.findLast(isMoment);
      const at = when === undefined ? undefined : readMoment(when.slice(AT.length + 1));
      const config = await createRegistry(context, context.actor, { name, settings, at, acceptsNamesake });
      const { vhosts, store } = config;
      return outcome(`registry '${name}' created at ${vhosts.join(", ")}, store '${store}'`, config);
    },
  },
  {
    scope: "oci",
    verb: "set",
    parameters: [
      NAME,
      { name: "key=value", repeated: true, candidates: () => [...candidatesOf(SET_SETTINGS), YES] },
    ],
    summary: `add a host (vhost=), or change ${SET_SETTINGS.flatMap(({ word }) => (word === HOST ? [] : `${word}=`)).join(", ")}`,
    details: settingHelp(SET_SETTINGS),
    example: "/oci set default references=sparse",
    adminOnly: true,
    isChange: true,
    async run([text = "", ...args], context) {
      const { words, isSure: isAsked } = withoutYes(args);
      const [name, settings] = [readName(text), readWords(words, SET_SETTINGS)];
      const isNew = await confirmed(context, isAsked, (isSure) =>
        changeRegistry(context, context.actor, { name, settings, isSure }),
      );
      if (isNew === "declined") return outcome("nothing was changed", {}, false);
      const done = `registry '${name}' set: ${words.join(" ")}`;
      return outcome(
        isNew ? done : `registry '${name}' has these settings already`,
        { name, ...settings },
        isNew,
      );
    },
  },
  {
    scope: "oci",
    verb: "unset",
    parameters: [NAME, { name: "vhost=<host>", candidates: hostsOf }, { name: YES, optional: true }],
    summary: "remove a host name from a registry",
    example: "/oci unset team vhost=team.example.org",
    adminOnly: true,
    isChange: true,
    repeats: [IF_EXISTS],
    async run([text = "", word = "", ...more], context) {
      const name = readName(text);
      const isAsked = readYes(more);
      const [host] = readWords([word], HOST_SETTING).vhosts ?? [];
      if (host === undefined) throw new ConsoleError(`'${word}' is no host; use ${HOST}=<host>`);
      const done = await confirmed(context, isAsked, (isSure) =>
        removeHost(context, context.actor, { name, host, isSure }),
      );
      if (done === "declined") return outcome("nothing was changed", {}, false);
      return outcome(`registry '${name}' is no longer at ${host}`, { name, host });
    },
  },
  {
    scope: "oci",
    verb: "delete",
    parameters: [NAME, { name: YES, optional: true }],
    summary: "delete a registry; its store and content are kept",
    example: "/oci delete team",
    adminOnly: true,
    isChange: true,
    repeats: [IF_EXISTS],
    async run([text = "", ...more], context) {
      const isAsked = readYes(more);
      const deleted = await confirmed(context, isAsked, (isSure) =>
        deleteRegistry(context, context.actor, { name: readName(text), isSure }),
      );
      if (deleted === "declined") return outcome("nothing was changed", {}, false);
      const { name, store } = deleted;
      return outcome(`registry '${name}' deleted; its store '${store}' stays`, { name, store });
    },
  },
];

function readName(text: string): InstanceName {
  const name = parseInstanceName(text);
  if (name) return name;
  throw new ConsoleError(
    `'${text}' is not a registry's name; use up to 50 lower-case letters, digits and single '.', '_', '-' between them`,
  );
}

function renderRegistries(registries: readonly RegistryRecord[], screen: Screen): Listing {
  const rows = registries.map(({ config }) => [config.name, ...settingWords(config)]);
  const aligned = alignColumns(rows, { width: undefined });
  const isFitting = screen.width === undefined || aligned.every((line) => isWithin(line, screen));
  const lines = isFitting
    ? aligned
    : alignColumns(
        rows.map(([name = "", ...words]) => [name, words.join(" ")]),
        screen,
      );
  const outages = registries.flatMap(({ config, problem }) =>
    problem === undefined ? [] : [`${config.name} is out of service: ${problem}`],
  );
  const replicas = registries.flatMap(({ replica }) => (replica ? [describeReplica(replica)] : []));
  return {
    lines: [...lines, ...outages, ...replicas],
    records: registries.map(({ config, problem, replica }) => ({ ...config, problem, replica })),
  };
}

/**
 * Reads words such as `vhost=localhost`, `references=sparse` and `immutable=v*,!v0*` (empty: none). Throws `ConsoleError`.
 */
function readWords(words: readonly string[], known: readonly AnySetting[]): Partial<InstanceValues> {
  const texts = new Map<AnySetting, string[]>();
  for (const word of words) {
    const equals = word.indexOf("=");
    const setting = known.find((candidate) => candidate.word === word.slice(0, Math.max(equals, 0)));
    if (!setting) {
      const fixed = ALL_SETTINGS.find(
        (setting) => setting.change === "fixed" && word.startsWith(`${setting.word}=`),
      );
      if (fixed) throw new ConsoleError(`${fixed.word}= is fixed when a registry is created`);
      const words = known.map((setting) => `${setting.word}=`);
      const hint = meantHint(word.slice(0, equals + 1), words);
      throw new ConsoleError(`'${word}' is not a setting; use ${words.join(", ")}`, { hint });
    }
    const value = word.slice(equals + 1);
    const isNone = value === "" && setting.canBeEmpty;
    const added = isNone ? [] : setting.separator === undefined ? [value] : value.split(setting.separator);
    for (const text of added) {
      if (setting.parse(text) === undefined)
        throw new ConsoleError(
          `'${withoutUser(word)}' is invalid; ${setting.advice?.(text) ?? `use ${setting.usage}`}`,
        );
    }
    const before = texts.get(setting);
    const isRepeatable = setting.isList && setting.separator === undefined;
    if (before && !isRepeatable) throw new ConsoleError(`${setting.word}= is there twice`);
    texts.set(setting, [...(before ?? []), ...added]);
  }
  return readSettings(texts, ({ usage }) => {
    throw new ConsoleError(`use ${usage}`);
  });
}

function candidatesOf(settings: readonly AnySetting[]): readonly string[] {
  return settings.flatMap(({ word, candidates = [""] }) => candidates.map((value) => `${word}=${value}`));
}

function settingHelp(settings: readonly AnySetting[]): (screen: Screen) => readonly string[] {
  return (screen) =>
    alignPairs(
      settings.map(({ usage, help }) => [usage, help]),
      screen,
    );
}
