import { runRemoteLine } from "../../src/frontends/control/control-client.ts";
import type { TestServer } from "./test-server.ts";

/** Runs lines of the console on a server, as a process on its machine can; rejects with the first refusal. */
export async function consoleLines(
  { dataDir }: Pick<TestServer, "dataDir">,
  ...lines: readonly string[]
): Promise<void> {
  for (const line of lines) {
    const ran = await runRemoteLine(dataDir, { line, by: "test" }, () => undefined);
    if (!ran) throw new Error("no server runs on this data directory");
    if (ran.needs) throw new Error(`'${line}' needs ${JSON.stringify(ran.needs)}`);
  }
}
