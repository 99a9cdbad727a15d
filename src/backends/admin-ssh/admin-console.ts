import { EXIT, type ExitCode, exitCodeOf } from "../../primitives/errors/exit-code.ts";
import { type Failure, textOf } from "../../primitives/errors/failure.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import type { Suggestion } from "../../primitives/terminal/displayed-line.ts";
import { LineReader, type Terminal } from "../../primitives/terminal/line-reader.ts";
import { visibleText } from "../../primitives/text/visible-text.ts";
import { type Wrapping, wrapText } from "../../primitives/text/wrap.ts";
import { type ConsoleLogin, whyEnded } from "../../primitives/users/console-login.ts";
import { type Actor, userActor } from "../actor.ts";
import type { ConsoleServices } from "./commands/command.ts";
import { ConsoleError } from "./commands/console-error.ts";
import {
  cannotConfirm,
  confirmer,
  documentReader,
  inputAsker,
  liveScreen,
  type ReadDocument,
  secretAsker,
} from "./commands/dialog.ts";
import { TextLines } from "./commands/text-lines.ts";
import { completeLine } from "./complete-line.ts";
import { knownNames } from "./completion-names.ts";
import { ConsoleHistory } from "./console-history.ts";
import { CONSOLE_TURNS } from "./console-turns.ts";
import { historyLine } from "./history-line.ts";
import { jsonError } from "./json-lines.ts";
import { type Dialog, exitCodeOfLine, type LineEnd, LineRunner, type PrintLines } from "./line-runner.ts";

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
  readonly #runner: LineRunner;
  readonly #history: ConsoleHistory;

  constructor(services: ConsoleServices, log: Logger, history = new ConsoleHistory()) {
    this.#services = services;
    this.#runner = new LineRunner(services, log);
    this.#history = history;
  }

  /** Runs a session without a command. Resolves with the exit code. */
  async session(login: ConsoleLogin, channel: ConsoleChannel): Promise<number> {
    return channel.screen ? this.#interactive(login, channel, channel.screen) : this.#script(login, channel);
  }

  /** Runs one command line, as in `ssh host '/users list'`. Resolves with the exit code. */
  async execute(login: ConsoleLogin, line: string, channel: ConsoleChannel): Promise<number> {
    const reader = channel.screen && new LineReader(terminalOf(channel, channel.screen), CONSOLE_TURNS);
    const dialog = reader
      ? terminalDialog(reader, channel)
      : {
          ...SCRIPT_DIALOG,
          askSecret: inputAsker(channel.input),
          readDocument: documentReader(channel.input),
        };
    return exitCodeOfLine(await this.#runLine(login, line, channel, dialog));
  }

  async #interactive(
    login: ConsoleLogin,
    channel: ConsoleChannel,
    screen: NonNullable<ConsoleChannel["screen"]>,
  ) {
    const reader = new LineReader(terminalOf(channel, screen), CONSOLE_TURNS);
    await channel.write(`${BANNER}\r\n`);
    for (;;) {
      const read = await reader.read({
        prompt: PROMPT,
        history: this.#history.of(login.user),
        complete: (line) => this.#complete(login, channel, line),
      });
      if (read.kind === "ended") return EXIT.done;
      if (read.kind !== "line" || read.text.trim() === "") continue;
      this.#remember(login, read.text);
      const dialog = terminalDialog(reader, channel);
      const end = await this.#runLine(login, read.text, channel, dialog);
      if (end.kind === "quit" || end.kind === "ended") return exitCodeOfLine(end);
    }
  }

  /** A completion that fails is logged, and offers nothing: the session goes on. */
  async #complete(login: ConsoleLogin, channel: ConsoleChannel, line: string): Promise<Suggestion> {
    try {
      return await completeLine(line, knownNames(this.#services, this.#actorOf(login, channel)));
    } catch (error) {
      this.#runner.reported(error);
      return { start: line.length, candidates: [] };
    }
  }

  #actorOf({ user }: ConsoleLogin, { remote }: Pick<ConsoleChannel, "remote">): Actor {
    const { users } = this.#services;
    return userActor(user, { directory: () => users.directory, client: "console", remote });
  }

  #remember(login: ConsoleLogin, line: string): void {
    const { directory } = this.#services.users;
    const kept = historyLine(line, (word) => directory.knows(word));
    // The history of a user who is disabled or deleted was removed, and stays so.
    if (kept === undefined || whyEnded(login, directory) !== undefined) return;
    this.#history.add(login.user, kept);
  }

  /** Runs every line, even after one failed. Resolves with the exit code of the first that failed. */
  async #script(login: ConsoleLogin, channel: ConsoleChannel): Promise<number> {
    let code: ExitCode = EXIT.done;
    try {
      for await (const line of new TextLines(channel.input)) {
        const end = await this.#runLine(login, line, channel, SCRIPT_DIALOG);
        if (end.kind === "quit") break;
        if (code === EXIT.done) code = exitCodeOfLine(end);
        if (end.kind === "ended") break;
      }
      return code;
    } catch (error) {
      const failure = this.#runner.reported(error);
      await lineOutput(channel).fail(failure, false);
      return exitCodeOf(failure.kind);
    }
  }

  async #runLine(
    login: ConsoleLogin,
    line: string,
    channel: ConsoleChannel,
    dialog: Dialog,
  ): Promise<LineEnd> {
    const { users } = this.#services;
    const actor = this.#actorOf(login, channel);
    const operator = { actor, whyEnded: () => whyEnded(login, users.directory) };
    const output = lineOutput(channel);
    const end = await this.#runner.run(operator, line, output.print, dialog);
    if ("failure" in end) await output.fail(end.failure, end.isJson);
    return end;
  }
}

function terminalDialog(reader: LineReader, channel: ConsoleChannel): Dialog {
  const { screen } = channel;
  return {
    askSecret: secretAsker(reader),
    readDocument: noDocument,
    confirm: confirmer(reader),
    live: screen && liveScreen(reader, terminalOf(channel, screen)),
    width: screen?.columns(),
    height: screen?.rows(),
  };
}

const noDocument: ReadDocument = async () => {
  throw new ConsoleError("the document is read from standard input, of 'ssh <host> <command> < file'");
};

const SCRIPT_DIALOG: Dialog = {
  askSecret: async (_question, { isKnown = false } = {}) => {
    throw new ConsoleError(
      isKnown
        ? "a script can't be prompted for the old password; run the command alone, with both passwords on standard input"
        : "a script can't be prompted for the password; give it in the command",
    );
  },
  readDocument: noDocument,
  confirm: cannotConfirm,
  live: undefined,
  width: undefined,
  height: undefined,
};

interface LineOutput {
  readonly print: PrintLines;
  fail(failure: Failure, isJson: boolean): Promise<void>;
}

/**
 * Writes the output of commands. Control characters are escaped, so that a name can't control the terminal. A terminal in
 * raw mode needs a carriage return at the end of each line. Lines of JSON that are too long for it are left to it.
 */
function lineOutput(channel: ConsoleChannel): LineOutput {
  const { screen } = channel;
  const end = screen ? "\r\n" : "\n";
  const format = (lines: readonly string[]) => lines.map((line) => visibleText(line) + end).join("");
  const wrapped = (lines: readonly string[]) =>
    screen ? lines.flatMap((line) => wrapText(line, screen.columns(), WORD_WRAPPED)) : lines;
  return {
    print: (lines, isJson) => channel.write(format(isJson ? lines : wrapped(lines.map(indented)))),
    fail: (failure, isJson) => {
      const text = isJson ? jsonError(failure) : `error: ${textOf(failure)}`;
      if (!screen) return channel.writeError(format([text]));
      return channel.write(format(isJson ? [text] : wrapped([`  ${text}`])));
    },
  };
}

const indented = (line: string) => (line === "" ? "" : `  ${line}`);

function terminalOf(channel: ConsoleChannel, screen: NonNullable<ConsoleChannel["screen"]>): Terminal {
  return { ...screen, input: channel.input, write: (text) => channel.write(text) };
}
