import { EXIT, type ExitCode, exitCodeOf } from "../../primitives/errors/exit-code.ts";
import { type Failure, reportedFailure, textOf } from "../../primitives/errors/failure.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import type { Actor } from "../actor.ts";
import { AdministratorOnlyError } from "../refusals.ts";
import { auditedCommand, type ParsedLine, parseLine, runCommand } from "./command-table.ts";
import type { CommandContext, ConsoleServices } from "./commands/command.ts";
import { ConsoleError } from "./commands/console-error.ts";
import { InputNeededError, type Live, type NeededInput } from "./commands/dialog.ts";
import { CONSOLE_TURNS } from "./console-turns.ts";
import { isJsonLine } from "./json-lines.ts";

/** Who runs the lines. */
export interface Operator {
  readonly actor: Actor;
  /** Why the operator may no longer use the console; `undefined` while it may. */
  whyEnded(): string | undefined;
}

/** The interactive parts of a command context. */
export type Dialog = Pick<
  CommandContext,
  "askSecret" | "readDocument" | "confirm" | "live" | "width" | "height"
>;

/** Prints lines of text, or of JSON. */
export type PrintLines = (lines: readonly string[], isJson: boolean) => Promise<void>;

/** Most characters of a command, and of its outcome, in the log: any user may type as much as a packet of SSH holds. */
const MAX_LOGGED = 1000;

/** How a line ended; `ended`: the operator's login is no longer valid. */
export type LineEnd =
  | { readonly kind: "done" | "quit" }
  | { readonly kind: "needs"; readonly needs: NeededInput }
  | { readonly kind: "ended" | "failed"; readonly failure: Failure; readonly isJson: boolean };

export function exitCodeOfLine(end: LineEnd): ExitCode {
  return "failure" in end ? exitCodeOf(end.failure.kind) : EXIT.done;
}

/** Runs command lines, whoever typed them, and logs what they changed. */
export class LineRunner {
  readonly #services: ConsoleServices;
  readonly #log: Logger;

  constructor(services: ConsoleServices, log: Logger) {
    this.#services = services;
    this.#log = log;
  }

  async run(
    { actor, whyEnded }: Operator,
    line: string,
    print: PrintLines,
    dialog: Dialog,
  ): Promise<LineEnd> {
    await CONSOLE_TURNS.next();
    await this.#services.refresh?.();
    // Checked for each line: the user may have been disabled or deleted since the login.
    const why = whyEnded();
    const isJson = isJsonLine(line);
    if (why !== undefined) {
      const error = new ConsoleError(`the session has ended: ${why}`, { kind: "refused" });
      return { kind: "ended", failure: this.reported(error), isJson };
    }
    let parsed: ParsedLine | undefined;
    try {
      parsed = parseLine(line);
      if (parsed.kind === "quit") return { kind: "quit" };
      if (parsed.kind === "command") {
        const live = dialog.live && whileAllowed(dialog.live, actor);
        const printLines = (lines: readonly string[]) => print(lines, isJson);
        const context = { ...this.#services, actor, ...dialog, live, print: printLines };
        await printLines(await runCommand(parsed, context));
      }
      this.#audit(actor, parsed, "done");
      return { kind: "done" };
    } catch (error) {
      if (error instanceof InputNeededError) return { kind: "needs", needs: error.needs };
      const failure = this.reported(error);
      this.#audit(actor, parsed, `refused: ${textOf(failure)}`);
      return { kind: "failed", failure, isJson };
    }
  }

  /** Logs a failure as its kind requires, and returns it. */
  reported(error: unknown): Failure {
    return reportedFailure(this.#log, "a console command failed", error);
  }

  /** Logs who changed something or tried to; the change itself is a commit. */
  #audit({ user, remote }: Actor, parsed: ParsedLine | undefined, outcome: string): void {
    const command = parsed && auditedCommand(parsed, (word) => this.#services.users.directory.knows(word));
    if (command === undefined) return;
    const record = {
      user,
      remote,
      command: shortened(command.text),
      outcome: shortened(command.withoutSecrets(outcome)),
    };
    this.#log.info(`audit: ${JSON.stringify(record)}`);
  }
}

function shortened(text: string): string {
  return text.length <= MAX_LOGGED ? text : `${text.slice(0, MAX_LOGGED)}…`;
}

/** Ends a live screen with a message once the user is no longer an administrator. */
function whileAllowed(live: Live, { user }: Actor): Live {
  return (lines) =>
    live(async (width) => {
      try {
        return await lines(width);
      } catch (error) {
        if (!(error instanceof AdministratorOnlyError)) throw error;
        throw new ConsoleError(`'${user}' is no longer a system administrator`, { kind: "refused" });
      }
    });
}
