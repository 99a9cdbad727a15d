import { firstLineAsker, secretAsker } from "../backends/admin-ssh/dialog.ts";
import { LineReader } from "../backends/admin-ssh/line-reader.ts";

/** Without a terminal the first line of standard input is the answer. */
export async function askSecret(question: string): Promise<string> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY) return firstLineAsker(stdin)(question);
  stdin.setRawMode(true);
  try {
    const terminal = {
      input: stdin,
      write: (text: string) => void stdout.write(text),
      columns: () => stdout.columns,
      onResize: (callback: () => void) => void stdout.on("resize", callback),
    };
    return await secretAsker(new LineReader(terminal))(question);
  } finally {
    stdin.setRawMode(false);
  }
}
