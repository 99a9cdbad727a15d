import { ConsoleError } from "../backends/admin-ssh/commands/console-error.ts";
import { secretAsker } from "../backends/admin-ssh/commands/dialog.ts";
import { TextLines } from "../backends/admin-ssh/commands/text-lines.ts";
import { LineReader } from "../primitives/terminal/line-reader.ts";

/** Prompts on the terminal. Without a terminal, returns the first line of standard input. */
export async function askSecret(question: string): Promise<string> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY) {
    for await (const line of new TextLines(stdin)) return line;
    throw new ConsoleError("the password is missing: enter it at a terminal or send it on standard input");
  }
  stdin.setRawMode(true);
  try {
    const terminal = {
      input: stdin,
      write: async (text: string) => void stdout.write(text),
      columns: () => stdout.columns,
      rows: () => stdout.rows,
      onResize: (callback: () => void) => void stdout.on("resize", callback),
    };
    return await secretAsker(new LineReader(terminal))(question);
  } finally {
    stdin.setRawMode(false);
  }
}
