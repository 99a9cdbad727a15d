import { parseSize, writeSize } from "../../../primitives/byte-size.ts";
import { formatDuration, parseDuration } from "../../../primitives/duration.ts";
import { parseStoreName } from "../../../primitives/store/store-manager.ts";
import { parseVhostPattern } from "../../../primitives/vhost.ts";
import { CLEANUP_RULE_EXAMPLE, formatCleanupRule, parseCleanupRule } from "../../oci-http/cleanup-rules.ts";
import { parseTagPattern } from "../../oci-http/immutable-tags.ts";
import {
  type InstanceConfig,
  type InstanceName,
  parseInstanceName,
  parseReferences,
  REFERENCES,
} from "../../oci-http/instance-config.ts";
import { alignColumns, type Command, ConsoleError, type Parameter } from "../command.ts";
import { readCommit } from "../read-commit.ts";
import { shortCommit } from "../table.ts";

const NAME: Parameter = {
  name: "name",
  candidates: ({ instances }) => instances.list().map((instance) => instance.name),
};
const SETTING_CANDIDATES = [
  "vhost=",
  "store=",
  "at=",
  "immutable=",
  "retention=",
  "cleanup=",
  "quota=",
  "repository-quota=",
  ...REFERENCES.map((value) => `references=${value}`),
];

export const OCI_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "list",
    parameters: [],
    summary: "list the OCI registries with their stores and host names",
    example: "/oci list",
    adminOnly: false,
    run(_args, { instances }) {
      const records = instances.list();
      return { lines: alignColumns(records.map(describeInstance)), records };
    },
  },
  {
    scope: "oci",
    verb: "create",
    parameters: [
      { name: "name" },
      { name: "vhost=<host>", repeated: true, candidates: () => SETTING_CANDIDATES },
    ],
    summary: "create a registry at a host name; store=<name> names its store, at=<when> serves its past",
    example: "/oci create team vhost=team.example.org",
    adminOnly: true,
    isChange: true,
    async run([text = "", ...words], { instances, actor }) {
      const name = readName(text);
      const { vhosts, when, ...settings } = readSettings(words);
      if (vhosts.length === 0) throw new ConsoleError("a registry needs a host: vhost=<host>");
      const store = parseStoreName(`everlock-oci-${name}`);
      if (!store) throw new ConsoleError(`'${name}' makes no name for a store; give one: store=<name>`);
      if (when !== undefined && !settings.store) {
        throw new ConsoleError("a registry at a past state needs the store that it was: store=<name>");
      }
      const config: InstanceConfig = {
        name,
        vhosts,
        store,
        references: "strict",
        immutable: [],
        cleanup: [],
        ...withoutUndefined(settings),
        ...(when !== undefined && {
          at: await readCommit(await instances.historyOf(settings.store ?? store), when),
        }),
      };
      await instances.create(actor, config);
      return [`registry '${name}' created at ${vhosts.join(", ")}, store '${config.store}'`];
    },
  },
  {
    scope: "oci",
    verb: "set",
    parameters: [NAME, { name: "key=value", repeated: true, candidates: () => SETTING_CANDIDATES }],
    summary:
      "add a host (vhost=), or change store=, references=, immutable=, retention=, cleanup=, quota= and repository-quota=",
    example: "/oci set default references=sparse",
    adminOnly: true,
    isChange: true,
    async run([text = "", ...words], { instances, actor }) {
      const { name, vhosts, at } = instances.existing(readName(text));
      const { vhosts: added, when, ...settings } = readSettings(words);
      if (when !== undefined) throw new ConsoleError("at= is fixed when a registry is created");
      if (at && settings.store) throw new ConsoleError("the store of a registry at a past state is fixed");
      const all = added.length > 0 ? { vhosts: [...new Set([...vhosts, ...added])] } : {};
      await instances.set(actor, name, { ...settings, ...all });
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
      const { name, vhosts } = instances.existing(readName(text));
      const [host] = readSettings([word]).vhosts;
      if (!host || !vhosts.includes(host)) {
        throw new ConsoleError(`'${word}' is no host of '${name}'; it has ${vhosts.join(", ") || "none"}`);
      }
      await instances.set(actor, name, { vhosts: vhosts.filter((vhost) => vhost !== host) });
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

function describeInstance({
  name,
  store,
  vhosts,
  references,
  immutable,
  retention,
  cleanup,
  quota,
  repositoryQuota,
  at,
}: InstanceConfig): string[] {
  return [
    name,
    `store=${store}`,
    ...(references === "sparse" ? ["references=sparse"] : []),
    ...(immutable.length > 0 ? [`immutable=${immutable.join(",")}`] : []),
    ...(retention === undefined ? [] : [`retention=${formatDuration(retention)}`]),
    ...cleanup.map((rule) => `cleanup=${formatCleanupRule(rule)}`),
    ...(quota === undefined ? [] : [`quota=${writeSize(quota)}`]),
    ...(repositoryQuota === undefined ? [] : [`repository-quota=${writeSize(repositoryQuota)}`]),
    ...(at ? [`at=${shortCommit(at)}`] : []),
    ...vhosts.map((vhost) => `vhost=${vhost}`),
  ];
}

function readName(text: string): InstanceName {
  const name = parseInstanceName(text);
  if (name) return name;
  throw new ConsoleError(
    `'${text}' is not a registry's name; use up to 50 lower-case letters, digits and single '.', '_', '-' between them`,
  );
}

/** A new registry has nothing to take away. */
function withoutUndefined({
  retention,
  quota,
  repositoryQuota,
  ...others
}: Omit<Settings, "vhosts" | "when">): Partial<InstanceConfig> {
  return {
    ...others,
    ...(retention !== undefined && { retention }),
    ...(quota !== undefined && { quota }),
    ...(repositoryQuota !== undefined && { repositoryQuota }),
  };
}

type Settings = {
  vhosts: string[];
  retention?: number | undefined;
  quota?: number | undefined;
  repositoryQuota?: number | undefined;
} & Partial<Pick<InstanceConfig, "store" | "references" | "immutable" | "cleanup">> & {
    /** As it was written; what it means depends on the store. */
    when?: string;
  };

/** Reads words such as `vhost=localhost`, `store=team`, `references=sparse` and `immutable=v*,!v0*` (empty: none). */
function readSettings(words: readonly string[]): Settings {
  const settings: { -readonly [K in keyof Settings]: Settings[K] } = { vhosts: [] };
  for (const word of words) {
    const [, key, value = ""] = word.match(/^([a-z-]+)=(.*)$/) ?? [];
    switch (key) {
      case "vhost":
        settings.vhosts.push(parsed(parseVhostPattern(value), word, "vhost=<host name without port>"));
        break;
      case "store":
        settings.store = parsed(parseStoreName(value), word, "store=<lower-case name>");
        break;
      case "references":
        settings.references = parsed(parseReferences(value), word, "references=strict|sparse");
        break;
      case "at":
        settings.when = value;
        break;
      case "immutable":
        settings.immutable = (value === "" ? [] : value.split(",")).map((pattern) =>
          parsed(parseTagPattern(pattern), word, "immutable=v*, immutable=*,!latest or immutable= for none"),
        );
        break;
      case "retention":
        settings.retention =
          value === ""
            ? undefined
            : parsed(parseDuration(value), word, "retention=30d, or retention= to keep all");
        break;
      case "quota":
        settings.quota = readSize(value, word);
        break;
      case "repository-quota":
        settings.repositoryQuota = readSize(value, word);
        break;
      case "cleanup": {
        const wanted = `cleanup=${CLEANUP_RULE_EXAMPLE}, or cleanup= for none`;
        const rule = value === "" ? [] : [parsed(parseCleanupRule(value), word, wanted)];
        settings.cleanup = [...(settings.cleanup ?? []), ...rule];
        break;
      }
      default:
        throw new ConsoleError(
          `'${word}' is no setting; use vhost=<host>, store=<name>, references=strict|sparse, immutable=<patterns>, retention=<duration>, cleanup=<rule>, quota=<size>, repository-quota=<size>, at=<when>`,
        );
    }
  }
  return settings;
}

function readSize(value: string, word: string): number | undefined {
  const key = word.slice(0, word.indexOf("="));
  return value === "" ? undefined : parsed(parseSize(value), word, `${key}=100GiB, or ${key}= for none`);
}

function parsed<T>(value: T | undefined, word: string, wanted: string): T {
  if (value === undefined) throw new ConsoleError(`'${word}' is not right; use ${wanted}`);
  return value;
}
