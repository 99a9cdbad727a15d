import { dirname, relative } from "node:path";
import manifest from "../package.json" with { type: "json" };

export const ROOT = dirname(import.meta.dir);
/** Where everything that is built lies. */
export const DIST = `${ROOT}/dist`;

/** What a build says about itself. */
export interface Release {
  readonly version: string;
  readonly description: string;
  /** Lines of up to 78 characters. */
  readonly longDescription: readonly string[];
  readonly licence: string;
  /** Of packages: a name and an address. */
  readonly maintainer: string;
  /** Of Git; `unknown` outside a checkout. */
  readonly commit: string;
  /** Of the commit, in seconds since the epoch: the same source gives the same files. */
  readonly time: number;
}

export const RELEASE: Release = {
  version: manifest.version,
  description: manifest.description,
  longDescription: [
    "Everlock stores container images, Helm charts and other OCI artifacts for",
    "podman, docker, Kubernetes and every other client. Each push and each",
    "delete is a Git commit by the user who made it, so that every earlier state",
    "can be seen and restored. It needs no database and no other service, and is",
    "administered over SSH.",
  ],
  licence: manifest.license,
  maintainer: process.env["EVERLOCK_MAINTAINER"] ?? "Everlock <everlock@localhost>",
  commit: git("rev-parse", "--short=12", "HEAD") ?? "unknown",
  time: Number(process.env["SOURCE_DATE_EPOCH"] ?? git("log", "-1", "--format=%ct") ?? 0),
};

function git(...args: string[]): string | undefined {
  const result = Bun.spawnSync(["git", ...args], { cwd: ROOT, stderr: "ignore" });
  return result.success ? result.stdout.toString().trim() : undefined;
}

export function reportBuilt(path: string, detail = ""): void {
  console.log(`built ${relative(process.cwd(), path)}${detail && ` (${detail})`}`);
}

/** Runs a program of the build; throws with its output if it fails. */
export function runTool(
  command: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): string {
  const [name = ""] = command;
  if (!Bun.which(name)) throw new Error(`this needs '${name}', which is not installed`);
  const { success, stdout, stderr } = Bun.spawnSync([...command], {
    ...options,
    env: { ...process.env, ...options.env },
    stdin: "ignore",
  });
  if (!success) throw new Error(`${command.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout.toString();
}
