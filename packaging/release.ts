import { dirname, relative } from "node:path";
import manifest from "../package.json" with { type: "json" };

export const ROOT = dirname(import.meta.dir);
/** Where everything that is built lies. */
export const DIST = `${ROOT}/dist`;

/** What a build says about itself. */
export interface Release {
  readonly version: string;
  readonly description: string;
  readonly licence: string;
  /** Of Git; `unknown` outside a checkout. */
  readonly commit: string;
  /** Of the commit, in seconds since the epoch: the same source gives the same files. */
  readonly time: number;
}

export const RELEASE: Release = {
  version: manifest.version,
  description: manifest.description,
  licence: manifest.license,
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
export function runTool(command: readonly string[], options: { cwd?: string } = {}): string {
  const [name = ""] = command;
  if (!Bun.which(name)) throw new Error(`this needs '${name}', which is not installed`);
  const { success, stdout, stderr } = Bun.spawnSync([...command], { ...options, stdin: "ignore" });
  if (!success) throw new Error(`${command.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout.toString();
}
