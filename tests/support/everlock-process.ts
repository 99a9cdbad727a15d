import { binary } from "./binary.ts";
import { afterThisTest } from "./cleanup.ts";
import { STARTED } from "./started.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { type RunResult, run } from "./tools.ts";

export const ADMIN_PASSWORD = "change-me";

/** The executable, running on free ports; or several nodes behind the ports of a load balancer, see `nodes.ts`. */
export interface Everlock {
  readonly dataDir: string;
  /** Throws for several nodes. */
  readonly pid: number;
  readonly httpPort: number;
  /** 0 unless `args` make it listen. */
  readonly httpsPort: number;
  readonly sshPort: number;
  /** 0 unless `args` make it listen. */
  readonly opsPort: number;
  /** The processes that serve: itself, or the nodes behind a load balancer. */
  readonly nodes: readonly Everlock[];
  /** `localhost:<port>`, the host part of image names. */
  readonly registry: string;
  /** The log so far. */
  log(): string;
  /**
   * Runs one console command as the administrator with the real SSH client; without a command, the commands in `stdin`. All
   * calls share one connection; `loginAndRun` logs in each time.
   */
  console(command: string | undefined, stdin?: string): Promise<RunResult>;
  /** A bare Git repository with the history of a store as it is now, to read with stock git. */
  repository(store: string): Promise<string>;
  /** Ends the server with a signal and returns the exit code. */
  end(signal?: NodeJS.Signals): Promise<number>;
}

export interface StartOptions {
  readonly dataDir?: string;
  readonly args?: readonly string[];
  /** Beside the variables of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly ports?: { readonly http: number; readonly ssh: number };
  /** The limit on open files of the process. */
  readonly openFiles?: number;
}

/** Starts the executable once in an empty directory, or on the data of an earlier one; stopped after the test. */
export async function startProcess(options: StartOptions = {}): Promise<Everlock> {
  const dataDir = options.dataDir ?? `${temporaryDirectory()}/data`;
  const { http, ssh } = options.ports ?? { http: 0, ssh: 0 };
  const child = Bun.spawn(
    [
      ...(options.openFiles ? ["sh", "-c", `ulimit -n ${options.openFiles}; exec "$0" "$@"`] : []),
      binary(),
      "serve",
      ...["--data-dir", dataDir],
      ...["--frontend-http-listen-http", `127.0.0.1:${http}`],
      ...["--frontend-ssh-listen", `127.0.0.1:${ssh}`],
      ...["--admin-password", ADMIN_PASSWORD],
      ...(options.args ?? []),
    ],
    {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      cwd: temporaryDirectory(),
      env: { ...process.env, ...options.env },
    },
  );
  afterThisTest(async () => {
    child.kill("SIGKILL");
    await child.exited;
  });
  let log = "";
  const logged = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) log += decoder.decode(chunk, { stream: true });
  })();
  const greeting = await readGreeting(child.stdout);
  const [httpPort, sshPort] = ["HTTP", "SSH"].map((name) =>
    Number(greeting.match(`${name} +127.0.0.1:(\\d+)`)?.[1]),
  );
  const httpsPort = Number(greeting.match(/HTTPS +127.0.0.1:(\d+)/)?.[1] ?? 0);
  const opsPort = Number(greeting.match(/ops +127.0.0.1:(\d+)/)?.[1] ?? 0);
  if (!httpPort || !sshPort) {
    await logged;
    throw new Error(`everlock did not start: ${greeting}${log}`);
  }
  const sharedBy = `${temporaryDirectory()}/ssh`;
  const server: Everlock = {
    dataDir,
    pid: child.pid,
    httpPort,
    httpsPort,
    sshPort,
    opsPort,
    get nodes() {
      return [server];
    },
    registry: `localhost:${httpPort}`,
    log: () => log,
    console: (command, stdin) => sshRun(sshPort, "admin", ADMIN_PASSWORD, command, stdin, { sharedBy }),
    repository: async (store) => `${dataDir}/${store}`,
    async end(signal = "SIGTERM") {
      child.kill(signal);
      return child.exited;
    },
  };
  return server;
}

/**
 * Runs a console command with the real SSH client, over a new connection, or over a connection shared by all calls with the
 * same socket in `sharedBy`, which stays open until the server stops.
 */
export function sshRun(
  port: number,
  user: string,
  password: string,
  command?: string,
  stdin?: string,
  options: { terminal?: boolean; logLevel?: "ERROR" | "INFO"; sharedBy?: string } = {},
): Promise<RunResult> {
  return run(
    [
      ...["sshpass", "-e", "ssh", "-p", String(port)],
      ...(options.terminal ? ["-tt"] : []),
      ...[
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        `LogLevel=${options.logLevel ?? "ERROR"}`,
        "PubkeyAuthentication=no",
        ...(options.sharedBy
          ? ["ControlMaster=auto", "ControlPersist=yes", `ControlPath=${options.sharedBy}`]
          : []),
      ].flatMap((option) => ["-o", option]),
      `${user}@127.0.0.1`,
      ...(command === undefined ? [] : [command]),
    ],
    { env: { SSHPASS: password }, ...(stdin !== undefined && { stdin }) },
  );
}

async function readGreeting(stdout: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  const reader = stdout.getReader();
  while (!STARTED.test(text)) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  // Read, so that the pipe does not fill up.
  (async () => {
    while (!(await reader.read()).done);
  })().catch(() => undefined);
  return text;
}
