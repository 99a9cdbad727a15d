import type { Failure } from "../../primitives/errors/failure.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import { MACHINE_ACTOR } from "../actor.ts";
import type { ConsoleServices } from "./commands/command.ts";
import { cannotConfirm, InputNeededError, type NeededInput } from "./commands/dialog.ts";
import { type Dialog, LineRunner, type PrintLines } from "./line-runner.ts";

/** A command line of the operator of the server's machine. */
export interface LocalLine {
  readonly line: string;
  /** A password or a document, for the command that asks for one. */
  readonly input?: string | undefined;
  /** Columns of the operator's terminal. */
  readonly width?: number | undefined;
  /** The operating system's name of the operator, for the log. */
  readonly by: string;
}

/** `needs`: nothing was changed; the line can be run again with the input. */
export type LocalEnd =
  | { readonly kind: "done" }
  | { readonly kind: "needs"; readonly needs: NeededInput }
  | { readonly kind: "failed"; readonly failure: Failure };

/**
 * The console of the operator of the server's machine: who may use the data directory may do what an administrator may, also
 * while nobody can log in. Its commits are the server's own, as those of `everlock users` without a server.
 */
export class LocalConsole {
  readonly #runner: LineRunner;

  constructor(services: ConsoleServices, log: Logger) {
    this.#runner = new LineRunner(services, log);
  }

  async run({ line, input, width, by }: LocalLine, print: PrintLines): Promise<LocalEnd> {
    const ask = async (needs: NeededInput) => {
      if (input === undefined) throw new InputNeededError(needs);
      return input;
    };
    const dialog: Dialog = {
      askSecret: (question) => ask({ kind: "secret", question }),
      readDocument: () => ask({ kind: "document" }),
      confirm: cannotConfirm,
      live: undefined,
      width,
      height: undefined,
    };
    const actor = { ...MACHINE_ACTOR, remote: `this machine (${by})` };
    const end = await this.#runner.run({ actor, whyEnded: () => undefined }, line, print, dialog);
    if (end.kind === "needs") return end;
    return "failure" in end ? { kind: "failed", failure: end.failure } : { kind: "done" };
  }
}
