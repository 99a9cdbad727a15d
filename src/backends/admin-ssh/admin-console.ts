import { EXIT, type ExitCode, exitCodeOf } from "../../primitives/errors/exit-code.ts";
import { reportedFailure, textOf } from "../../primitives/errors/failure.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import { LineReader, type Terminal } from "../../primitives/terminal/line-reader.ts";
import { visibleText } from "../../primitives/text/visible-text.ts";
import { type Wrapping, wrapText } from "../../primitives/text/wrap.ts";
import { type ConsoleLogin, whyEnded } from "../../primitives/users/console-login.ts";
import { type Actor, userActor } from "../actor.ts";
import { AdministratorOnlyError } from "../refusals.ts";
import { auditedCommand, completeLine, type ParsedLine, parseLine, runCommand } from "./command-table.ts";
import type { CommandContext, ConsoleServices } from "./commands/command.ts";
import { ConsoleError } from "./commands/console-error.ts";
import {
  cannotConfirm,
  confirmer,
  firstLineAsker,
  type Live,
  liveScreen,
  secretAsker,
} from "./commands/dialog.ts";
import { TextLines } from "./commands/text-lines.ts";
import { ConsoleHistory } from "./console-history.ts";
import { CONSOLE_TURNS } from "./console-turns.ts";
import { historyLine } from "./history-line.ts";

/** A byte stream to and from a client whose user is logged in. */
export interface ConsoleChannel {
  readonly input: AsyncIterable<Uint8Array>;
  /** Resolves when the client can receive more. Callers await it to bound the unread bytes in memory. */
  write(text: string): Promise<void>;
  writeError(text: string): Promise<void>;
  /** Present if the client has a terminal. */
  readonly screen: Pick<Terminal, "columns" | "rows" | "onResize"> | undefined;
  /** The client's address, for the log. */
  readonly remote: string;
}

/** Words stay whole, so that digests, tokens and paths can be copied. */
const WORD_WRAPPED: Wrapping = { breaksWords: false, hanging: 4 };

const BANNER = "Everlock Admin";
const PROMPT = "> ";

/** The admin console: commands typed at a terminal, given as one line, or piped in as a script. */
export class AdminConsole {
  readonly #services: ConsoleServices;
  readonly #log: Logger;
  readonly #history: ConsoleHistory;

  constructor(services: ConsoleServices, log: Logger, history = new ConsoleHistory()) {
    this.#services = services;
    this.#log = log;
    this.#history = history;
  }

  /** Runs a session without a command. Resolves with the exit code. */
  async session(login: ConsoleLogin, channel: ConsoleChannel): Promise<number> {
    return channel.screen ? this.#interactive(login, channel, channel.screen) : this.#script(login, channel);
  }

  /** Runs one command line, as in `ssh host '/users list'`. Resolves with the exit code. */
  async execute(login: ConsoleLogin, line: string, channel: ConsoleChannel): Promise<number> {
    const output = lineOutput(channel);
    const reader = channel.screen && new LineReader(terminalOf(channel, channel.screen), CONSOLE_TURNS);
    const dialog = reader
      ? terminalDialog(reader, channel)
      : { ...SCRIPT_DIALOG, askSecret: firstLineAsker(channel.input) };
    const outcome = await this.#runLine({ login, remote: channel.remote }, line, output, dialog);
    if (outcome === "quit") return EXIT.done;
    return outcome === "ended" ? EXIT.notAllowed : outcome;
  }

  async #interactive(
    login: ConsoleLogin,
    channel: ConsoleChannel,
    screen: NonNullable<ConsoleChannel["screen"]>,
  ) {
    const reader = new LineReader(terminalOf(channel, screen), CONSOLE_TURNS);
    const output = lineOutput(channel);
    await output.print([BANNER]);
    for (;;) {
      const read = await reader.read({
        prompt: PROMPT,
        history: this.#history.of(login.user),
        complete: (line) => completeLine(line, this.#services),
      });
      if (read.kind === "ended") return EXIT.done;
      if (read.kind !== "line" || read.text.trim() === "") continue;
      this.#remember(login, read.text);
      const dialog = terminalDialog(reader, channel);
      const outcome = await this.#runLine({ login, remote: channel.remote }, read.text, output, dialog);
      if (outcome === "quit") return EXIT.done;
      if (outcome === "ended") return EXIT.notAllowed;
    }
  }

  #remember(login: ConsoleLogin, line: string): void {
    const kept = historyLine(line);
    // The history of a user who is disabled or deleted was removed, and stays so.
    if (kept === undefined || whyEnded(login, this.#services.users.directory) !== undefined) return;
    this.#history.add(login.user, kept);
  }

  /** Runs every line, even after one failed. Resolves with the exit code of the first that failed. */
  async #script(login: ConsoleLogin, channel: ConsoleChannel): Promise<number> {
    const output = lineOutput(channel);
    let code: ExitCode = EXIT.done;
    try {
      for await (const line of new TextLines(channel.input)) {
        const outcome = await this.#runLine({ login, remote: channel.remote }, line, output, SCRIPT_DIALOG);
        if (outcome === "quit") break;
        if (outcome === "ended") return EXIT.notAllowed;
        if (code === EXIT.done) code = outcome;
      }
      return code;
    } catch (error) {
      const failure = reportedFailure(this.#log, "a console command failed", error);
      await output.fail(textOf(failure));
      return exitCodeOf(failure.kind);
    }
  }

  async #runLine(by: Operator, line: string, output: LineOutput, dialog: Dialog): Promise<Outcome> {
    await CONSOLE_TURNS.next();
    const { users } = this.#services;
    const actor = userActor(by.login.user, {
      directory: () => users.directory,
      client: "console",
      remote: by.remote,
    });
    // Checked for each line: the user may have been disabled or deleted since the login.
    const why = whyEnded(by.login, users.directory);
    if (why !== undefined) {
      await output.fail(`the session has ended: ${why}`);
      return "ended";
    }
    let parsed: ParsedLine | undefined;
    try {
      parsed = parseLine(line);
      if (parsed.kind === "quit") return "quit";
      if (parsed.kind === "command") {
        const print = parsed.isJson
          ? (lines: readonly string[]) => output.print(lines)
          : (lines: readonly string[]) => output.print(lines.map(indented), WORD_WRAPPED);
        const live = dialog.live && whileAllowed(dialog.live, actor);
        await print(await runCommand(parsed, { ...this.#services, actor, print, ...dialog, live }));
      }
      this.#audit(actor, parsed, "done");
      return EXIT.done;
    } catch (error) {
      const failure = reportedFailure(this.#log, "a console command failed", error);
      const reason = textOf(failure);
      await output.fail(reason);
      this.#audit(actor, parsed, `refused: ${reason}`);
      return exitCodeOf(failure.kind);
    }
  }

  /** Logs who changed something or tried to; the change itself is a commit. */
  #audit({ user, remote }: Actor, parsed: ParsedLine | undefined, outcome: string): void {
    const command = parsed && auditedCommand(parsed);
    if (command === undefined) return;
    this.#log.info(`audit: ${JSON.stringify({ user, remote, command, outcome })}`);
  }
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

/** The interactive parts of a command context. */
type Dialog = Pick<CommandContext, "askSecret" | "confirm" | "live" | "width" | "height">;

/** The outcome of a line: its exit code, or the end of the session; `ended`: the login is no longer valid. */
type Outcome = ExitCode | "quit" | "ended";

/** The user at the console. */
interface Operator {
  readonly login: ConsoleLogin;
  readonly remote: string;
}

function terminalDialog(reader: LineReader, channel: ConsoleChannel): Dialog {
  const { screen } = channel;
  return {
    askSecret: secretAsker(reader),
    confirm: confirmer(reader),
    live: screen && liveScreen(reader, terminalOf(channel, screen)),
    width: screen?.columns(),
    height: screen?.rows(),
  };
}

const SCRIPT_DIALOG: Dialog = {
  askSecret: async () => {
    throw new ConsoleError("a script can't be prompted for the password; give it in the command");
  },
  confirm: cannotConfirm,
  live: undefined,
  width: undefined,
  height: undefined,
};

interface LineOutput {
  /** Lines that are too long for the terminal are left to it unless `wrapping` is given. */
  print(lines: readonly string[], wrapping?: Wrapping): Promise<void>;
  fail(message: string): Promise<void>;
}

/**
 * Writes the output of commands. Control characters are escaped, so that a name can't control the terminal. A terminal in
 * raw mode needs a carriage return at the end of each line.
 */
function lineOutput(channel: ConsoleChannel): LineOutput {
  const { screen } = channel;
  if (!screen)
    return {
      print: (lines) => channel.write(lines.map((line) => `${visibleText(line)}\n`).join("")),
      fail: (reason) => channel.writeError(`error: ${visibleText(reason)}\n`),
    };
  const print: LineOutput["print"] = (lines, wrapping) => {
    const fitted = wrapping ? lines.flatMap((line) => wrapText(line, screen.columns(), wrapping)) : lines;
    return channel.write(fitted.map((line) => `${visibleText(line)}\r\n`).join(""));
  };
  return { print, fail: (reason) => print([`  error: ${reason}`], WORD_WRAPPED) };
}

const indented = (line: string) => (line === "" ? "" : `  ${line}`);

function terminalOf(channel: ConsoleChannel, screen: NonNullable<ConsoleChannel["screen"]>): Terminal {
  return { ...screen, input: channel.input, write: (text) => channel.write(text) };
}
