import { type ArgsDef, type CommandDef, defineCommand } from "citty";
import { UsageError } from "../config/settings.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];
const ARGS: ArgsDef = {
  shell: { type: "positional", required: false, description: SHELLS.join(", ") },
};
const USAGE = `use: everlock completion ${SHELLS.join("|")}`;

/** A command of `everlock` with its flags, for completion. */
interface Completed {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly {
    readonly name: string;
    readonly description: string;
    readonly takesValue: boolean;
  }[];
}

const PRINTERS: Readonly<Record<Shell, (commands: readonly Completed[]) => string>> = { bash, zsh, fish };

/** `everlock completion`: prints a completion script for a shell. */
export function completion(subCommands: () => Promise<Readonly<Record<string, CommandDef>>>): CommandDef {
  return defineCommand({
    meta: { name: "completion", description: "Print a shell script that completes commands and flags" },
    args: ARGS,
    async run({ rawArgs: [shell, ...rest] }) {
      const known = SHELLS.find((name) => name === shell);
      if (!known || rest.length > 0) throw new UsageError(USAGE);
      process.stdout.write(PRINTERS[known](Object.entries(await subCommands()).map(describe)));
    },
  });
}

function describe([name, { meta, args }]: [string, CommandDef]): Completed {
  const { description = "" } = (meta ?? {}) as { description?: string };
  const flags = Object.entries((args ?? {}) as ArgsDef).filter(([, { type }]) => type !== "positional");
  return {
    name,
    description,
    flags: flags.map(([flag, arg]) => ({
      name: flag,
      description: "description" in arg ? String(arg.description ?? "") : "",
      takesValue: arg.type !== "boolean",
    })),
  };
}

function bash(commands: readonly Completed[]): string {
  const cases = commands.map(
    ({ name, flags }) => `    ${name}) words="${flags.map((flag) => `--${flag.name}`).join(" ")}" ;;`,
  );
  return `_everlock() {
  local words="" word="\${COMP_WORDS[COMP_CWORD]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${commands.map(({ name }) => name).join(" ")}"
  else
    case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _everlock everlock
`;
}

const singleQuoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

function zsh(commands: readonly Completed[]): string {
  const described = (name: string, description: string) =>
    singleQuoted(`${name}:${description.replaceAll(":", "\\:")}`);
  const flag = ({ name, description, takesValue }: Completed["flags"][number]) =>
    singleQuoted(
      `--${name}[${description.replaceAll(/[[\]:]/g, "\\$&")}]${takesValue ? ":value:_files" : ""}`,
    );
  const cases = commands.map(
    ({ name, flags }) => `    ${name}) _arguments ${[...flags.map(flag), "'*:file:_files'"].join(" ")} ;;`,
  );
  return `#compdef everlock
_everlock() {
  if (( CURRENT == 2 )); then
    local commands=(${commands.map(({ name, description }) => described(name, description)).join(" ")})
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
compdef _everlock everlock
`;
}

function fish(commands: readonly Completed[]): string {
  const lines = commands.flatMap(({ name, description, flags }) => [
    `complete -c everlock -n __fish_use_subcommand -a ${name} -d ${singleQuoted(description)}`,
    ...flags.map(
      (flag) =>
        `complete -c everlock -n '__fish_seen_subcommand_from ${name}' -l ${flag.name}${flag.takesValue ? " -r" : ""} -d ${singleQuoted(flag.description)}`,
    ),
  ]);
  return `${lines.join("\n")}\n`;
}
