import type { ErrorKind } from "../../../primitives/expected-error.ts";
import type { JobRunner } from "../../../primitives/jobs/job-runner.ts";
import type { TokenUses } from "../../../primitives/users/token-uses.ts";
import type { UserRegistry } from "../../../primitives/users/user-registry.ts";
import type { PasswordServices } from "../../accounts/account-services.ts";
import type { Actor } from "../../actor.ts";
import type { NodeServices } from "../../administration/nodes.ts";
import type { ReloadServices } from "../../administration/reload.ts";
import type { StatusServices } from "../../administration/status.ts";
import type { BackendSwitch } from "../../backend-switch.ts";
import type { InstanceRegistry } from "../../oci-http/instances/instance-registry.ts";
import type { ReplicaServices } from "../../oci-http/operations/replicas.ts";
import type { AskSecret, Confirm, Live, ReadDocument } from "./dialog.ts";
import type { Candidates } from "./known-names.ts";

/** The services that operations use. A command passes them on, and reads none itself. */
export interface ConsoleServices extends PasswordServices {
  readonly jobs: JobRunner;
  readonly users: UserRegistry;
  readonly instances: InstanceRegistry;
  readonly replicas: ReplicaServices["replicas"];
  readonly backends: BackendSwitch;
  readonly tokenUses: Pick<TokenUses, "lastUse">;
  readonly server: StatusServices["server"] & ReloadServices["server"] & NodeServices["server"];
  /** Resolves when this node knows what others changed before; without it, there are no other nodes. Never rejects. */
  readonly refresh?: (() => Promise<void>) | undefined;
}

/** What texts are laid out for. */
export interface Screen {
  /** Columns of the terminal; `undefined` without one. */
  readonly width: number | undefined;
}

/** The context of a command besides its arguments. */
export interface CommandContext extends ConsoleServices, Screen {
  /** The user who is logged in. */
  readonly actor: Actor;
  readonly askSecret: AskSecret;
  readonly readDocument: ReadDocument;
  readonly confirm: Confirm;
  /** Shows lines that change, on a terminal. */
  readonly live: Live | undefined;
  /** Prints lines before the command ends, such as those above a question. */
  print(lines: readonly string[]): Promise<void>;
  /** Rows of the terminal; `undefined` without one. */
  readonly height: number | undefined;
  /** The given one of the command's `repeats`. */
  readonly repeat: Repeat | undefined;
}

/** The context of the commands about users, which also run without a server. */
export type UserCommandContext = Pick<
  CommandContext,
  "users" | "passwords" | "passwordMinLength" | "tokenUses" | "actor" | "askSecret" | "width" | "repeat"
> & { readonly instances: { list(): readonly { readonly name: string }[] } };

export interface Parameter {
  readonly name: string;
  readonly optional?: true;
  /** The log shows `***` instead of the value. */
  readonly isSecret?: true;
  /** The last parameter may be given several times. */
  readonly repeated?: true;
  /** Values for completion. */
  readonly candidates?: Candidates;
}

/** A flag with which a command that finds nothing to do succeeds, so that a script can repeat it. */
export interface Repeat {
  readonly flag: string;
  /** For the help. */
  readonly meaning: string;
  /** The kind of failure that then is none. */
  readonly kind: ErrorKind;
  /** The first argument that it belongs to; `undefined`: it belongs to the whole command. */
  readonly action?: string;
}

/** One command, such as `/users add`; `scope` alone for one without a verb. */
export interface Command<Context = CommandContext> {
  readonly scope: string;
  readonly verb?: string;
  readonly parameters: readonly Parameter[];
  readonly summary: string;
  /** More lines for `/help <scope> <verb>`. */
  readonly details?: readonly string[] | ((screen: Screen) => readonly string[]);
  readonly example: string;
  /** Whether its operation requires a system administrator. The help says so, and the console checks it before the words. */
  readonly adminOnly: boolean;
  /** Whether it changes anything; the log then records who ran it. */
  readonly isChange?: boolean | ((args: readonly string[]) => boolean);
  /** Without one, a repetition of the command succeeds by itself. */
  readonly repeats?: readonly Repeat[];
  run(args: readonly string[], context: Context): Promise<CommandResult> | CommandResult;
}

/** Lines to print, without indentation, or records that can also be printed as JSON. */
export type CommandResult = readonly string[] | Listing;

/** The same records as text and, with `--json`, as JSON Lines. */
export interface Listing {
  readonly lines: readonly string[];
  readonly records: readonly object[];
}

type Usage = Pick<Command, "scope" | "verb" | "parameters" | "repeats">;

export function usageOf({ scope, verb, parameters, repeats = [] }: Usage): string {
  const flags = repeats.map(({ flag }) => flag);
  const words = parameters.map(({ name, optional, repeated }) => {
    const word = /[=:-]/.test(name) ? name : `<${name}>`;
    return `${optional ? `[${word}]` : word}${repeated ? "…" : ""}`;
  });
  if (flags.length > 0) words.push(`[${flags.join("|")}]`);
  return [`/${scope}`, ...(verb ? [verb] : []), ...words].join(" ");
}
