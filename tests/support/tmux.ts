import { afterThisTest } from "./cleanup.ts";
import { eventually } from "./eventually.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { must, run } from "./tools.ts";

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** A program in a terminal of tmux, whose screen a test reads. */
export class TmuxTerminal {
  readonly #tmux: readonly string[];

  private constructor(tmux: readonly string[]) {
    this.#tmux = tmux;
  }

  /** Starts the program; tmux is ended after the test. */
  static async start(
    command: readonly string[],
    { columns, rows }: Size,
    env: Readonly<Record<string, string>>,
  ): Promise<TmuxTerminal> {
    const tmux = ["tmux", "-f", "/dev/null", "-S", `${temporaryDirectory()}/tmux`];
    afterThisTest(() => run([...tmux, "kill-server"]).then(() => undefined));
    const size = ["-x", String(columns), "-y", String(rows)];
    await must([...tmux, "new-session", "-d", "-s", "test", ...size, ...command], {
      env: { ...env, TERM: "xterm-256color" },
    });
    return new TmuxTerminal(tmux);
  }

  /** The lines of the screen, without blanks at their ends and without empty lines at the end. */
  async screen(): Promise<string[]> {
    const text = await must([...this.#tmux, "capture-pane", "-p", "-t", "test"]);
    return text
      .trimEnd()
      .split("\n")
      .map((line) => line.trimEnd());
  }

  /** Types keys by their names in tmux, such as `Enter` or `C-r`. */
  async press(...keys: readonly string[]): Promise<void> {
    await must([...this.#tmux, "send-keys", "-t", "test", ...keys]);
  }

  async type(text: string): Promise<void> {
    await must([...this.#tmux, "send-keys", "-t", "test", "-l", text]);
  }

  async resize({ columns, rows }: Size): Promise<void> {
    const size = ["-x", String(columns), "-y", String(rows)];
    await must([...this.#tmux, "resize-window", "-t", "test", ...size]);
  }

  /** The screen once it is as expected; throws with the last one. */
  async until(isExpected: (lines: readonly string[]) => boolean): Promise<string[]> {
    let lines: string[] = [];
    const isThere = await eventually(async () => {
      lines = await this.screen();
      return isExpected(lines);
    });
    if (!isThere) throw new Error(`the screen is:\n${lines.join("\n")}`);
    return lines;
  }
}
