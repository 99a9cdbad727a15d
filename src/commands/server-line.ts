import { ConsoleError } from "../backends/admin-ssh/commands/console-error.ts";
import { documentReader, type NeededInput } from "../backends/admin-ssh/commands/dialog.ts";
import { runRemoteLine } from "../frontends/control/control-client.ts";
import { visibleText } from "../primitives/text/visible-text.ts";
import { askSecret } from "./ask-secret.ts";

/**
 * Runs a line of the console on the server that uses the data directory; `undefined` if none runs. Prompts for what the line
 * needs. Rejects with the server's refusal.
 */
export async function runOnServer(dataDir: string, line: string): Promise<true | undefined> {
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  const run = (input?: string) => runRemoteLine(dataDir, { line, input, width, by: operator() }, print);
  const end = await run();
  if (!end) return undefined;
  if (end.needs) await run(await ask(end.needs));
  return true;
}

function print(text: string): void {
  process.stdout.write(`${visibleText(text)}\n`);
}

function ask(needs: NeededInput): Promise<string> {
  if (needs.kind === "secret") return askSecret(needs.question);
  if (process.stdin.isTTY)
    throw new ConsoleError("the document is read from standard input, as in '… < everlock.toml'");
  return documentReader(process.stdin)();
}

/** Who runs this command, for the server's log. */
function operator(): string {
  const sudo = process.env["SUDO_USER"];
  const name = `uid ${process.getuid?.() ?? "unknown"}`;
  return sudo === undefined ? name : `${name}, by sudo of ${sudo}`;
}
