import type { JobRunner } from "../../../primitives/jobs/job-runner.ts";
import type { Identity } from "../../../primitives/store/git/commit.ts";
import { visibleText } from "../../../primitives/text/visible-text.ts";
import type { TokenUses } from "../../../primitives/users/token-uses.ts";
import type { UserName } from "../../../primitives/users/user.ts";
import type { UserRegistry } from "../../../primitives/users/user-registry.ts";
import type { BackendSwitch } from "../../backend-switch.ts";
import type { InstanceRegistry } from "../../oci-http/instances/instance-registry.ts";
import type { AskSecret, Confirm, Live } from "./dialog.ts";

/** What the console tells of the server that it is part of. */
export interface ServerFacts {
  /** In seconds since the epoch. */
  readonly started: number;
  readonly failedLogins: { readonly refused: number; readonly limited: number };
  readonly traffic: { totals(): TrafficTotals };
  /** Takes over what was committed with git, and answers what changed; rejects where it makes no sense. */
  reload(): Promise<readonly string[]>;
}

/** Over HTTP since the start. */
export interface TrafficTotals {
  readonly requests: number;
  /** Answered with 4xx. */
  readonly clientErrors: number;
  /** Answered with 5xx. */
  readonly serverErrors: number;
  /** Bytes of bodies. */
  readonly received: number;
  readonly sent: number;
  readonly underWay: number;
}

/** What the console administers. */
export interface ConsoleServices {
  readonly jobs: JobRunner;
  readonly users: UserRegistry;
  readonly instances: InstanceRegistry;
  readonly backends: BackendSwitch;
  readonly tokenUses: Pick<TokenUses, "lastUse">;
  readonly server: ServerFacts;
}

/** What a command may use besides its arguments. */
export interface CommandContext extends ConsoleServices {
  /** Who is logged in. */
  readonly user: UserName;
  /** As whom changes are committed. */
  readonly actor: Identity;
  readonly isAdministrator: boolean;
  readonly askSecret: AskSecret;
  readonly confirm: Confirm;
  /** Shows lines that change, on a terminal. */
  readonly live: Live | undefined;
  /** Prints lines before the command has ended, such as what it is going to ask about. */
  print(lines: readonly string[]): Promise<void>;
  /** Columns of the terminal; `undefined` without one. */
  readonly width: number | undefined;
}

/** What the commands about users need: no more than what is there while no server runs. */
export type UserCommandContext = Pick<
  CommandContext,
  "users" | "tokenUses" | "user" | "actor" | "isAdministrator" | "askSecret" | "width"
> & { readonly instances: { list(): readonly { readonly name: string }[] } };

export interface Parameter {
  readonly name: string;
  readonly optional?: true;
  /** It goes to no log. */
  readonly isSecret?: true;
  /** The last one may stand for several arguments. */
  readonly repeated?: true;
  /** What may stand here, for completion. */
  readonly candidates?: (services: ConsoleServices) => readonly string[];
}

/** One command, such as `/users add`; `scope` alone for one without a verb. */
export interface Command<Context = CommandContext> {
  readonly scope: string;
  readonly verb?: string;
  readonly parameters: readonly Parameter[];
  readonly summary: string;
  /** Lines that explain it further, for `/help <scope> <verb>`. */
  readonly details?: readonly string[];
  readonly example: string;
  /** Whether it requires a system administrator. */
  readonly adminOnly: boolean;
  /** Whether it changes anything; who ran it then goes to the log. */
  readonly isChange?: boolean | ((args: readonly string[]) => boolean);
  run(args: readonly string[], context: Context): Promise<CommandResult> | CommandResult;
}

/** Lines to print, without their indentation, or records that can also be given to a script. */
export type CommandResult = readonly string[] | Listing;

/** The same things for people and, with `--json`, for scripts. */
export interface Listing {
  readonly lines: readonly string[];
  readonly records: readonly object[];
}

export function usageOf({ scope, verb, parameters }: Pick<Command, "scope" | "verb" | "parameters">): string {
  const words = parameters.map(({ name, optional, repeated }) => {
    const word = /[=:-]/.test(name) ? name : `<${name}>`;
    return `${optional ? `[${word}]` : word}${repeated ? "…" : ""}`;
  });
  return [`/${scope}`, ...(verb ? [verb] : []), ...words].join(" ");
}

/** Lines of cells with the columns aligned, as wide as a terminal will show them. */
export function alignColumns(table: readonly (readonly string[])[]): string[] {
  const rows = table.map((row) => row.map(visibleText));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, Bun.stringWidth(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, i) => cell + " ".repeat((widths[i] ?? 0) - Bun.stringWidth(cell)))
      .join("  ")
      .trimEnd(),
  );
}
