import type { JobRunner } from "../../../primitives/jobs/job-runner.ts";
import type { TokenUses } from "../../../primitives/users/token-uses.ts";
import type { UserRegistry } from "../../../primitives/users/user-registry.ts";
import type { Actor } from "../../actor.ts";
import type { ReloadServices } from "../../administration/reload.ts";
import type { StatusServices } from "../../administration/status.ts";
import type { BackendSwitch } from "../../backend-switch.ts";
import type { InstanceRegistry } from "../../oci-http/instances/instance-registry.ts";
import type { AskSecret, Confirm, Live } from "./dialog.ts";

/** What the operations behind the commands use; a command hands the services on and calls none of them itself. */
export interface ConsoleServices {
  readonly jobs: JobRunner;
  readonly users: UserRegistry;
  readonly instances: InstanceRegistry;
  readonly backends: BackendSwitch;
  readonly tokenUses: Pick<TokenUses, "lastUse">;
  readonly server: StatusServices["server"] & ReloadServices["server"];
}

/** What a command may use besides its arguments. */
export interface CommandContext extends ConsoleServices {
  /** The user who is logged in. */
  readonly actor: Actor;
  readonly askSecret: AskSecret;
  readonly confirm: Confirm;
  /** Shows lines that change, on a terminal. */
  readonly live: Live | undefined;
  /** Prints lines before the command has ended, such as what it is going to ask about. */
  print(lines: readonly string[]): Promise<void>;
  /** Columns of the terminal; `undefined` without one. */
  readonly width: number | undefined;
}

/** What the commands about users use: no more than is there while no server runs. */
export type UserCommandContext = Pick<
  CommandContext,
  "users" | "tokenUses" | "actor" | "askSecret" | "width"
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
  /** Whether its operation requires a system administrator, for the help and to say so before the words are read. */
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
