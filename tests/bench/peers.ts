import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { binary } from "../support/binary.ts";

/** A registry under test, running on an empty directory of its own. */
export interface Peer {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly dir: string;
  /** `<user>:<password>`, if it asks for one. */
  readonly credentials: string | undefined;
  /** The Host and, if it is needed, Authorization headers of a request. */
  readonly headers: string;
  /** Milliseconds from exec to the first answer. */
  readonly startMs: number;
  stop(): Promise<void>;
}

export interface PeerKind {
  readonly name: string;
  /** Program on the PATH; `undefined` for our own. */
  readonly program: string | undefined;
  /** The command that installs it, in the version that the figures in docs/performance.md are of. */
  readonly install?: string;
  command(dir: string, port: number, flags?: readonly string[]): readonly string[];
  readonly authorization: string | undefined;
  /** Variables of its environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

const CREDENTIALS = "admin:change-me";
const BASIC = `Basic ${Buffer.from(CREDENTIALS).toString("base64")}`;

/** distribution's configuration, of version 2 and 3 alike, without its access log. */
function distributionConfig(dir: string, port: number): string {
  return `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: ${dir}/data}, delete: {enabled: true}}
http: {addr: "127.0.0.1:${port}"}
`;
}

function distribution(program: string) {
  return (dir: string, port: number): string[] => {
    writeFileSync(`${dir}/config.yml`, distributionConfig(dir, port));
    return [program, "serve", `${dir}/config.yml`];
  };
}

/** Every acknowledged push is on the disk, as with Everlock. */
function zotConfig(dir: string, port: number): string {
  return JSON.stringify({
    distSpecVersion: "1.1.1",
    storage: { rootDirectory: `${dir}/data`, dedupe: true, commit: true },
    http: { address: "127.0.0.1", port: String(port) },
    log: { level: "error" },
  });
}

export const EVERLOCK: PeerKind = {
  name: "Everlock",
  program: undefined,
  authorization: BASIC,
  command: (dir, port, flags = []) => [
    binary(),
    "serve",
    ...["--data-dir", `${dir}/data`, "--admin-password", "change-me", "--no-backend-admin-ssh"],
    ...["--frontend-http-listen-http", `127.0.0.1:${port}`],
    ...flags,
  ],
};

export const ZOT: PeerKind = {
  name: "zot",
  program: "zot",
  install:
    "'go build -tags containers_image_openpgp ./cmd/zot' in its source, or a release of github.com/project-zot/zot,",
  authorization: undefined,
  command: (dir, port) => {
    writeFileSync(`${dir}/config.json`, zotConfig(dir, port));
    return ["zot", "serve", `${dir}/config.json`];
  },
};

export const PEERS: readonly PeerKind[] = [
  EVERLOCK,
  {
    name: "distribution v3",
    program: "registry",
    install: "go install github.com/distribution/distribution/v3/cmd/registry@v3.1.1",
    authorization: undefined,
    command: distribution("registry"),
  },
  {
    name: "docker-registry 2.8 (Debian)",
    program: "docker-registry",
    install: "apt-get install docker-registry",
    authorization: undefined,
    command: distribution("docker-registry"),
  },
  ZOT,
];

/** Not a registry, but the bound of one that is built on Bun. */
export const BARE: PeerKind = {
  name: "a bare Bun.serve",
  program: undefined,
  authorization: undefined,
  command: (dir, port) => [process.execPath, `${import.meta.dir}/bare-server.ts`, String(port), dir],
};

/** Starts a registry and waits for its first answer. */
export async function startPeer(
  kind: PeerKind,
  dir: string,
  port: number,
  flags: readonly string[] = [],
): Promise<Peer> {
  mkdirSync(dir, { recursive: true });
  const command = kind.command(dir, port, flags);
  const began = performance.now();
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(`${dir}/log`),
    env: { ...process.env, ...kind.environment },
  });
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() - began > 30_000) {
      child.kill();
      throw new Error(`${kind.name} did not start: ${readFileSync(`${dir}/log`, "utf8")}`);
    }
    await Bun.sleep(2);
  }
  const authorization = kind.authorization ? `Authorization: ${kind.authorization}\r\n` : "";
  return {
    name: kind.name,
    port,
    pid: child.pid,
    dir,
    credentials: kind.authorization && CREDENTIALS,
    headers: `Host: localhost\r\n${authorization}`,
    startMs: performance.now() - began,
    async stop() {
      child.kill();
      await child.exited;
    },
  };
}

async function answers(port: number): Promise<boolean> {
  try {
    await fetch(`http://127.0.0.1:${port}/v2/`, { headers: { Host: "localhost" } });
    return true;
  } catch {
    return false;
  }
}

/** CPU seconds that a process has used. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const TICKS_PER_SECOND = 100;
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory in MiB, now or at its peak. */
export function memoryMiB(pid: number, field: "VmRSS" | "VmHWM"): number {
  const [, kib] =
    readFileSync(`/proc/${pid}/status`, "utf8").match(new RegExp(`^${field}:\\s+(\\d+)`, "m")) ?? [];
  return Number(kib) / 1024;
}
