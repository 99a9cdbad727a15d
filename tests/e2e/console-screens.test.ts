import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { eventually } from "../support/eventually.ts";
import { ADMIN_PASSWORD, addAlice, type Everlock, loginAndRun, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { type Size, TmuxTerminal } from "../support/tmux.ts";
import { describeWith } from "../support/tools.ts";

setDefaultTimeout(60_000);

const WIDE: Size = { columns: 80, rows: 24 };
const NARROW: Size = { columns: 40, rows: 24 };
const PROMPT = ">";

/** A registry with an image whose manifest was deleted with its tag, and another one. */
async function startWithHistory(): Promise<{ server: Everlock; deleted: string }> {
  const server = await startEverlock();
  await addAlice(server, "owner");
  const app = new RegistryClient(server.httpPort, "team/app");
  const { digest } = await app.pushImage("prod");
  await app.pushImage("v1");
  expect((await app.fetch(`manifests/${digest}`, { method: "DELETE" })).status).toBe(202);
  return { server, deleted: digest.slice(0, "sha256:".length + 12) };
}

async function openConsole({ sshPort }: Everlock, size: Size, user = "admin"): Promise<TmuxTerminal> {
  const options = [
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "PubkeyAuthentication=no",
  ].flatMap((option) => ["-o", option]);
  const ssh = ["sshpass", "-e", "ssh", "-p", String(sshPort), ...options, `${user}@127.0.0.1`];
  const terminal = await TmuxTerminal.start(ssh, size, { SSHPASS: ADMIN_PASSWORD });
  await terminal.until((lines) => lines.at(-1) === PROMPT);
  return terminal;
}

/** Runs a line on a clear screen; returns what stands between it and the next prompt. */
async function shown(terminal: TmuxTerminal, line: string): Promise<string[]> {
  await terminal.press("C-l");
  await terminal.until((lines) => lines.length === 1);
  await terminal.type(line);
  await terminal.press("Enter");
  const screen = await terminal.until((lines) => lines.length > 1 && lines.at(-1) === PROMPT);
  return screen.slice(1, -1);
}

const withoutTimes = (lines: readonly string[]) =>
  lines.map((line) => line.replace(/\d{4}-\d\d-\d\d/g, "<date>").replace(/\d\d:\d\d:\d\d/g, "<time>"));
const withoutCommits = (lines: readonly string[]) =>
  lines.map((line) => line.replace(/ [0-9a-f]{12}$/, " <commit>"));

describeWith(["tmux", "ssh", "sshpass"], "the console in a terminal", () => {
  test("shows the log and the help at 80 and at 40 columns, and nothing that matters is cut", async () => {
    const { server, deleted } = await startWithHistory();
    const terminal = await openConsole(server, WIDE);
    expect(withoutCommits(withoutTimes(await shown(terminal, "/oci log default")))).toEqual([
      "  time (UTC)           user   what                                  commit",
      `  <date> <time>  alice  delete team/app@${deleted}   <commit>`,
      "                              (prod)",
      "  <date> <time>  alice  push team/app:v1                      <commit>",
      "  <date> <time>  alice  push team/app:prod                    <commit>",
      "  80 columns have no room for: digest, before, from; widen the terminal, or add",
      "  --json",
    ]);
    const help = await shown(terminal, "help");
    expect(help.some((line) => line.startsWith("  /users     list, add, passwd, grant"))).toBe(true);
    await terminal.resize(NARROW);
    let log: readonly string[] = [];
    // The server learns of the new size a moment after tmux has it.
    await eventually(async () => {
      log = await shown(terminal, "/oci log default");
      return log.some((line) => line.startsWith("  40 columns"));
    });
    expect(withoutTimes(log)).toEqual([
      "  time (UTC)  user   what",
      "  <date>  alice  delete",
      `  <time>           team/app@${deleted.slice(0, 10)}`,
      `                     ${deleted.slice(10)} (prod)`,
      "  <date>  alice  push team/app:v1",
      "  <time>",
      "  <date>  alice  push team/app:prod",
      "  <time>",
      "  40 columns have no room for: digest,",
      "  before, commit, from; widen the",
      "  terminal, or add --json",
    ]);
    const narrow = await shown(terminal, "?");
    for (const word of ["/users", "/oci", "/help", "tell more, with examples"])
      expect(narrow.join(" ")).toContain(word);
    for (const line of narrow) expect(line.length).toBeLessThanOrEqual(40);
  });

  test("completes repositories and tags, and draws a line again when the terminal's width changes", async () => {
    const { server } = await startWithHistory();
    const terminal = await openConsole(server, WIDE);
    await terminal.type("/oci log default te");
    await terminal.press("Tab");
    await terminal.until((lines) => lines.at(-1) === "> /oci log default team/app");
    await terminal.press("Tab");
    const listed = await terminal.until((lines) => lines.length === 4);
    expect(listed.slice(1)).toEqual([
      "> /oci log default team/app",
      "  team/app     team/app:v1",
      "> /oci log default team/app",
    ]);
    await terminal.press("C-l");
    await terminal.type(":v1 user=alice limit=12");
    const line = "> /oci log default team/app:v1 user=alice limit=12";
    await terminal.until((lines) => lines.join() === line);
    await terminal.resize(NARROW);
    await terminal.until((lines) => lines.length === 2 && lines.join("") === line);
    await terminal.type("3");
    await terminal.until((lines) => lines.length === 2 && lines.join("") === `${line}3`);
    await terminal.resize(WIDE);
    await terminal.type("4");
    await terminal.until((lines) => lines.join() === `${line}34`);
  });

  test("keeps a history across sessions without passwords, which Ctrl-R searches, until the user is disabled", async () => {
    const { server } = await startWithHistory();
    const first = await openConsole(server, WIDE);
    await shown(first, "/oci ls default team/app");
    await shown(first, "/users add bob s3cret-of-bob");
    await shown(first, "/users list");
    await first.press("C-d");
    const second = await openConsole(server, NARROW);
    await second.press("Up", "Up");
    await second.until((lines) => lines.at(-1) === "> /users add bob");
    await second.press("C-c", "C-r");
    await second.type("ls");
    await second.until((lines) => lines.join("").endsWith("(search) 'ls': /oci ls default team/app"));
    await second.press("Enter");
    await second.until((lines) => lines.some((line) => line.startsWith("  v1 ")) && lines.at(-1) === PROMPT);

    const bob = await openConsole(server, WIDE, "alice");
    await shown(bob, "/oci list");
    await loginAndRun(server, "/users disable alice");
    await server.end();
    const file = `${server.dataDir}/console_history.json`;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const saved = JSON.parse(readFileSync(file, "utf8"));
    expect(saved).toEqual({
      admin: ["/oci ls default team/app", "/users add bob", "/users list", "/oci ls default team/app"],
    });
    expect(existsSync(`${server.dataDir}/everlock-users/console_history.json`)).toBe(false);
  });
});
