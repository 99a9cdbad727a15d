import { describe, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute } from "node:path";

/** The module of nginx that passes TCP connections on, where Debian installs it. */
export const STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";

/** The Debian package of each program that tests call, for the message about missing ones. */
const PACKAGES: Readonly<Record<string, string>> = {
  git: "git",
  podman: "podman",
  skopeo: "skopeo",
  buildah: "buildah",
  docker: "docker.io",
  dockerd: "docker.io",
  containerd: "containerd",
  ctr: "containerd",
  ssh: "openssh-client",
  "ssh-keygen": "openssh-client",
  sshpass: "sshpass",
  openssl: "openssl",
  curl: "curl",
  promtool: "prometheus",
  strace: "strace",
  tmux: "tmux",
  nginx: "nginx",
  [STREAM_MODULE]: "libnginx-mod-stream",
  "systemd-analyze": "systemd",
  "apt-get": "apt",
  "dpkg-deb": "dpkg",
  rpmbuild: "rpm",
  ip: "iproute2",
  chromium: "chromium",
  setpriv: "util-linux",
  readelf: "binutils",
};

/** The Go module of each program that Debian does not package. */
const MODULES = new Map(
  readFileSync(`${import.meta.dir}/go-tools.txt`, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ") as [tool: string, module: string]),
);

/** How to install the tools that are not on the PATH, or at the path that they are named by; `undefined` if none is missing. */
export function missingTools(tools: readonly string[]): string | undefined {
  const missing = tools.filter((tool) => (isAbsolute(tool) ? !existsSync(tool) : !Bun.which(tool)));
  if (missing.length === 0) return undefined;
  const how = missing.map((tool) =>
    MODULES.has(tool) ? `go install ${MODULES.get(tool)}` : `apt-get install ${PACKAGES[tool] ?? tool}`,
  );
  return `needs ${missing.join(", ")}: ${[...new Set(how)].join("; ")}`;
}

/**
 * `describe` for tests that require these programs. If one is missing, the tests are reported as skipped, or as failed with
 * `EVERLOCK_REQUIRE_CLIENTS=1`.
 */
export function describeWith(tools: readonly string[], name: string, body: () => void): void {
  const missing = missingTools(tools);
  if (missing === undefined) {
    describe(name, body);
  } else if (process.env["REQUIRE_CLIENTS"] === "1") {
    test(`${name} (${missing})`, () => {
      throw new Error(missing);
    });
  } else {
    test.skip(`${name} (${missing})`, () => {});
  }
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function run(
  command: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; stdin?: string | Uint8Array } = {},
): Promise<RunResult> {
  const child = Bun.spawn([...command], {
    cwd: options.cwd ?? process.cwd(),
    env: { ...process.env, ...options.env },
    stdin: Buffer.from(options.stdin ?? ""),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** Runs a program that must succeed, and returns its output. */
export async function must(command: readonly string[], options?: Parameters<typeof run>[1]): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code !== 0) throw new Error(`${command.join(" ")} exited with ${code}\n${stdout}${stderr}`);
  return stdout;
}
