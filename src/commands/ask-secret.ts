import { ConsoleError } from "../backends/admin-ssh/commands/console-error.ts";
import { firstLineAsker, secretAsker } from "../backends/admin-ssh/commands/dialog.ts";
import { LineReader } from "../primitives/terminal/line-reader.ts";

/** Without a terminal the first line of standard input is the answer. */
export async function askSecret(question: string): Promise<string> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY) {
    const line = firstLineAsker(stdin)(question);
    return line.catch((error) => {
      if (!(error instanceof ConsoleError)) throw error;
      throw new ConsoleError("the password is missing: type it at a terminal, or give it on standard input");
    });
  }
  stdin.setRawMode(true);
  try {
    const terminal = {
      input: stdin,
      write: async (text: string) => void stdout.write(text),
      columns: () => stdout.columns,
      onResize: (callback: () => void) => void stdout.on("resize", callback),
    };
    return await secretAsker(new LineReader(terminal))(question);
  } finally {
    stdin.setRawMode(false);
  }
}
