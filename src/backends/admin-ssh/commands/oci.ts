import { parseStoreName } from "../../../primitives/store/store-manager.ts";
import { isNamesake, namesakeWarning } from "../../namesakes.ts";
import type { InstanceRegistry } from "../../oci-http/instances/instance-registry.ts";
import { type InstanceName, parseInstanceName } from "../../oci-http/settings/instance-config.ts";
import {
  ALL_SETTINGS,
  type AnySetting,
  completeSettings,
  INSTANCE_SETTINGS,
  type InstanceValues,
  readSettings,
  settingWords,
} from "../../oci-http/settings/instance-settings.ts";
import { withoutYes, YES } from "./access-words.ts";
import { alignColumns, type Command, type Parameter } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { readCommit } from "./read-commit.ts";

const NAME: Parameter = {
  name: "name",
  candidates: ({ instances }) => instances.list().map((instance) => instance.name),
};
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
    run(_args, { instances }) {
      const problems = new Map(instances.outages().map(({ config, problem }) => [config.name, problem]));
      const records = instances.list().map((config) => {
        const problem = problems.get(config.name);
        return { ...config, ...(problem !== undefined && { problem }) };
      });
      const lines = alignColumns(records.map((record) => [record.name, ...settingWords(record)]));
      const out = [...problems].map(([name, problem]) => `${name} is out of service: ${problem}`);
      return { lines: [...lines, ...out], records };
    },
  },
  {
    scope: "oci",
    verb: "create",
    parameters: [
      { name: "name" },
      { name: "vhost=<host>", repeated: true, candidates: () => [...candidatesOf(CREATE_SETTINGS), YES] },
    ],
    summary: "create a registry at a host name; store=<name> names its store, at=<when> serves its past",
    details: [
      ...settingHelp(CREATE_SETTINGS),
      "",
      "the user that a registry is named after owns it; where there is one, --yes confirms that",
    ],
    example: "/oci create team vhost=team.example.org",
    adminOnly: true,
    isChange: true,
    async run([text = "", ...args], { instances, users, actor }) {
      const name = readName(text);
      const { words, isSure } = withoutYes(args);
      const isOwned = users.directory.list().some((user) => isNamesake(user.name, name));
      if (isOwned && !isSure) throw new ConsoleError(namesakeWarning(name, "registry"));
      const given = readWords(words, CREATE_SETTINGS, await readMoment(words, instances));
      const { vhosts = [] } = given;
      if (vhosts.length === 0) throw new ConsoleError("a registry needs a host: vhost=<host>");
      const store = given.store ?? parseStoreName(`everlock-oci-${name}`);
      if (!store) throw new ConsoleError(`'${name}' makes no name for a store; give one: store=<name>`);
      const settings = completeSettings({ ...given, store }, ({ usage }) => {
        throw new ConsoleError(`a registry needs ${usage}`);
      });
      await instances.create(actor, { name, ...settings });
      return [`registry '${name}' created at ${vhosts.join(", ")}, store '${store}'`];
    },
  },
  {
    scope: "oci",
    verb: "set",
    parameters: [NAME, { name: "key=value", repeated: true, candidates: () => candidatesOf(SET_SETTINGS) }],
    summary: `add a host (vhost=), or change ${SET_SETTINGS.flatMap(({ word }) => (word === HOST ? [] : `${word}=`)).join(", ")}`,
    details: settingHelp(SET_SETTINGS),
    example: "/oci set default references=sparse",
    adminOnly: true,
    isChange: true,
    async run([text = "", ...words], { instances, actor }) {
      const { name, at } = instances.existing(readName(text));
      const given = readWords(words, SET_SETTINGS);
      if (at && given.store) throw new ConsoleError("the store of a registry at a past state is fixed");
      await instances.extend(actor, name, given);
      return [`registry '${name}' set: ${words.join(" ")}`];
    },
  },
  {
    scope: "oci",
    verb: "unset",
    parameters: [NAME, { name: "vhost=<host>", candidates: () => ["vhost="] }],
    summary: "take a host name from a registry",
    example: "/oci unset team vhost=team.example.org",
    adminOnly: true,
    isChange: true,
    async run([text = "", word = ""], { instances, actor }) {
      const { name } = instances.existing(readName(text));
      const [host] = readWords([word], HOST_SETTING).vhosts ?? [];
      if (host === undefined) throw new ConsoleError(`'${word}' is no host; use ${HOST}=<host>`);
      await instances.removeHost(actor, name, host);
      return [`registry '${name}' is no longer at ${host}`];
    },
  },
  {
    scope: "oci",
    verb: "delete",
    parameters: [NAME],
    summary: "delete a registry; its store and all that is in it stay",
    example: "/oci delete team",
    adminOnly: true,
    isChange: true,
    async run([text = ""], { instances, actor }) {
      const { name, store } = instances.existing(readName(text));
      await instances.delete(actor, name);
      return [`registry '${name}' deleted; its store '${store}' stays`];
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

/** The moment that a new registry is to serve, as the commit that it means in the store that is named beside it. */
async function readMoment(
  words: readonly string[],
  instances: InstanceRegistry,
): Promise<ReadonlyMap<string, string>> {
  const when = words.findLast((word) => word.startsWith(`${AT}=`));
  if (when === undefined) return new Map();
  const named = words.findLast((word) => word.startsWith(`${INSTANCE_SETTINGS.store.word}=`));
  const store = named && readWords([named], CREATE_SETTINGS).store;
  if (!store) throw new ConsoleError("a registry at a past state needs the store that it was: store=<name>");
  const commit = await readCommit(await instances.historyOf(store), when.slice(AT.length + 1));
  return new Map([[when, `${AT}=${commit}`]]);
}

/**
 * Reads words such as `vhost=localhost`, `references=sparse` and `immutable=v*,!v0*` (empty: none). Each word that
 * `meant` knows stands for another. Throws `ConsoleError`.
 */
function readWords(
  words: readonly string[],
  known: readonly AnySetting[],
  meant: ReadonlyMap<string, string> = new Map(),
): Partial<InstanceValues> {
  const texts = new Map<AnySetting, string[]>();
  for (const written of words) {
    const word = meant.get(written) ?? written;
    const equals = word.indexOf("=");
    const setting = known.find((candidate) => candidate.word === word.slice(0, Math.max(equals, 0)));
    if (!setting) {
      const fixed = ALL_SETTINGS.find(
        ({ change, word: name }) => change === "fixed" && written.startsWith(`${name}=`),
      );
      if (fixed) throw new ConsoleError(`${fixed.word}= is fixed when a registry is created`);
      throw new ConsoleError(
        `'${written}' is no setting; use ${known.map(({ word }) => `${word}=`).join(", ")}`,
      );
    }
    const value = word.slice(equals + 1);
    const isNone = value === "" && setting.canBeEmpty;
    const added = isNone ? [] : setting.separator === undefined ? [value] : value.split(setting.separator);
    for (const text of added) {
      if (setting.parse(text) === undefined)
        throw new ConsoleError(`'${written}' is not right; use ${setting.usage}`);
    }
    const before = setting.isList && setting.separator === undefined ? (texts.get(setting) ?? []) : [];
    texts.set(setting, [...before, ...added]);
  }
  return readSettings(texts, ({ usage }) => {
    throw new ConsoleError(`use ${usage}`);
  });
}

function candidatesOf(settings: readonly AnySetting[]): readonly string[] {
  return settings.flatMap(({ word, candidates = [""] }) => candidates.map((value) => `${word}=${value}`));
}

function settingHelp(settings: readonly AnySetting[]): readonly string[] {
  return alignColumns(settings.map(({ usage, help }) => [usage, help]));
}
