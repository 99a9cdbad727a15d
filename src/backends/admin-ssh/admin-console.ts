import { JobError } from "../../primitives/jobs/job-runner.ts";
import type { Logger } from "../../primitives/logger.ts";
import { OverloadedError } from "../../primitives/semaphore.ts";
import { describeStorageTrouble, storageTroubleOf } from "../../primitives/store/storage-trouble.ts";
import { StaleReadError } from "../../primitives/store/store.ts";
import { PathConflictError } from "../../primitives/store/tree-edit.ts";
import { visibleText } from "../../primitives/terminal/visible-text.ts";
import type { UserName } from "../../primitives/users/user.ts";
import { identityOf, UserChangeError } from "../../primitives/users/user-registry.ts";
import { BackendSwitchError } from "../backend-switch.ts";
import { InstanceChangeError } from "../oci-http/instance-registry.ts";
import { type CommandContext, ConsoleError, type ConsoleServices } from "./command.ts";
import { CommandLineError } from "./command-line.ts";
import { auditedCommand, completeLine, type ParsedLine, parseLine, runCommand } from "./command-table.ts";
import { cannotConfirm, confirmer, firstLineAsker, liveScreen, secretAsker } from "./dialog.ts";
import { LineReader, type Terminal } from "./line-reader.ts";
import { TextLines } from "./text-lines.ts";

/** A byte stream to and from somebody who is logged in, with a terminal at its far end or none. */
export interface ConsoleChannel {
  readonly input: AsyncIterable<Uint8Array>;
  write(text: string): void;
  writeError(text: string): void;
  /** Present if the far end is a terminal. */
  readonly screen: Pick<Terminal, "columns" | "onResize"> | undefined;
  /** The far end's address, for the log. */
  readonly remote: string;
}

const BANNER = "Everlock Admin";
const PROMPT = "> ";
/** Lines of history kept in a session. */
const MAX_HISTORY = 500;

/** The admin console: commands typed at a terminal, given as one line, or piped in as a script. */
export class AdminConsole {
  readonly #services: ConsoleServices;
  readonly #log: Logger;

  constructor(services: ConsoleServices, log: Logger) {
    this.#services = services;
    this.#log = log;
  }

  /** A session without a command. Answers the exit code. */
  async session(user: UserName, channel: ConsoleChannel): Promise<number> {
    return channel.screen ? this.#interactive(user, channel, channel.screen) : this.#script(user, channel);
  }

  /** One command line, as in `ssh host '/users list'`. Answers the exit code. */
  async execute(user: UserName, line: string, channel: ConsoleChannel): Promise<number> {
    const output = lineOutput(channel);
    const reader = channel.screen && new LineReader(terminalOf(channel, channel.screen));
    const dialog = reader
      ? terminalDialog(reader, channel)
      : { ...SCRIPT_DIALOG, askSecret: firstLineAsker(channel.input) };
    return (await this.#runLine({ user, remote: channel.remote }, line, output, dialog)) === "failed" ? 1 : 0;
  }

  async #interactive(user: UserName, channel: ConsoleChannel, screen: NonNullable<ConsoleChannel["screen"]>) {
    const reader = new LineReader(terminalOf(channel, screen));
    const output = lineOutput(channel);
    const history: string[] = [];
    output.print([BANNER]);
    for (;;) {
      const read = await reader.read({
        prompt: PROMPT,
        history,
        complete: (line) => completeLine(line, this.#services),
      });
      if (read.kind === "ended") return 0;
      if (read.kind !== "line" || read.text.trim() === "") continue;
      if (history.at(-1) !== read.text) history.push(read.text);
      if (history.length > MAX_HISTORY) history.shift();
      const dialog = terminalDialog(reader, channel);
      if ((await this.#runLine({ user, remote: channel.remote }, read.text, output, dialog)) === "quit")
        return 0;
    }
  }

  /** Each line is run, also after one that failed; the exit code tells whether any did. */
  async #script(user: UserName, channel: ConsoleChannel): Promise<number> {
    const output = lineOutput(channel);
    let code = 0;
    for await (const line of new TextLines(channel.input)) {
      const outcome = await this.#runLine({ user, remote: channel.remote }, line, output, SCRIPT_DIALOG);
      if (outcome === "quit") break;
      if (outcome === "failed") code = 1;
    }
    return code;
  }

  async #runLine(
    by: Operator,
    line: string,
    output: LineOutput,
    dialog: Dialog,
  ): Promise<"done" | "failed" | "quit"> {
    let parsed: ParsedLine | undefined;
    try {
      parsed = parseLine(line);
      if (parsed.kind === "quit") return "quit";
      if (parsed.kind === "command") {
        const indent = parsed.isJson ? "" : "  ";
        const print = (lines: readonly string[]) =>
          output.print(lines.map((text) => (text === "" ? "" : indent + text)));
        const { user } = by;
        const isAdministrator = this.#services.users.directory.isAdministrator(user);
        const who = { user, actor: identityOf(user), isAdministrator };
        print(await runCommand(parsed, { ...this.#services, ...who, print, ...dialog }));
      }
      this.#audit(by, parsed, "done");
      return "done";
    } catch (error) {
      const reason = this.#explain(error);
      output.fail(reason);
      this.#audit(by, parsed, `refused: ${reason}`);
      return "failed";
    }
  }

  /** Who changed what, or tried to: one line in the log, beside the commit that it made. */
  #audit({ user, remote }: Operator, parsed: ParsedLine | undefined, outcome: string): void {
    const command = parsed && auditedCommand(parsed);
    if (command === undefined) return;
    this.#log.info(`audit: ${JSON.stringify({ user, remote, command, outcome })}`);
  }

  #explain(error: unknown): string {
    const expected = [
      ConsoleError,
      CommandLineError,
      UserChangeError,
      InstanceChangeError,
      BackendSwitchError,
      JobError,
      StaleReadError,
      PathConflictError,
      OverloadedError,
    ];
    if (error instanceof Error && expected.some((kind) => error instanceof kind)) return error.message;
    const trouble = storageTroubleOf(error);
    if (trouble !== undefined) {
      this.#log.warn(`a console command failed: ${error instanceof Error ? error.message : error}`);
      return describeStorageTrouble(trouble);
    }
    this.#log.error("a console command failed", error);
    return "internal error; the server's log has the cause";
  }
}

/** How a command talks with who typed it. */
type Dialog = Pick<CommandContext, "askSecret" | "confirm" | "live" | "width">;

/** Who sits at the console. */
interface Operator {
  readonly user: UserName;
  readonly remote: string;
}

function terminalDialog(reader: LineReader, channel: ConsoleChannel): Dialog {
  const { screen } = channel;
  return {
    askSecret: secretAsker(reader),
    confirm: confirmer(reader),
    live: screen && liveScreen(reader, terminalOf(channel, screen)),
    width: screen?.columns(),
  };
}

const SCRIPT_DIALOG: Dialog = {
  askSecret: async () => {
    throw new ConsoleError("a script must give the password in the command: there is nobody to ask");
  },
  confirm: cannotConfirm,
  live: undefined,
  width: undefined,
};

interface LineOutput {
  print(lines: readonly string[]): void;
  fail(message: string): void;
}

/**
 * All that commands say goes through here, and nothing of it is obeyed by the terminal. One in raw mode needs a carriage
 * return at each line's end.
 */
function lineOutput(channel: ConsoleChannel): LineOutput {
  const end = channel.screen ? "\r\n" : "\n";
  return {
    print: (lines) => channel.write(lines.map((line) => visibleText(line) + end).join("")),
    fail: (reason) => {
      const message = visibleText(reason);
      if (channel.screen) channel.write(`  error: ${message}${end}`);
      else channel.writeError(`error: ${message}${end}`);
    },
  };
}

function terminalOf(channel: ConsoleChannel, screen: NonNullable<ConsoleChannel["screen"]>): Terminal {
  return { ...screen, input: channel.input, write: (text) => channel.write(text) };
}
