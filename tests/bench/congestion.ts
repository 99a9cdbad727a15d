import { readFileSync } from "node:fs";
import { congestionControl } from "./machine.ts";

const AVAILABLE = "/proc/sys/net/ipv4/tcp_available_congestion_control";
/** Linux's default, and the one that many machines are set to. */
const COMPARED = ["cubic", "bbr"];
/** Of a network namespace: the machine's own setting stays as it is. */
const ENTER = `ip link set lo up && echo "$0" > /proc/sys/net/ipv4/tcp_congestion_control && exec "$@"`;

function entering(control: string): readonly string[] {
  return ["unshare", "--net", "sh", "-c", ENTER, control];
}

/** Those that can be measured here: both, or else only the one that the machine is set to. */
export async function measurableControls(): Promise<readonly string[]> {
  const current = congestionControl();
  if (current === undefined) return [];
  const available = readFileSync(AVAILABLE, "utf8").trim().split(" ");
  const wanted = COMPARED.filter((control) => available.includes(control));
  const trial = await Bun.$`${[...entering(current), "true"]}`.nothrow().quiet();
  if (trial.exitCode === 0) return wanted;
  console.error(
    `only ${current} is measured: a network namespace with another congestion control needs root, unshare and ip (${trial.stderr.toString().trim()})`,
  );
  return [current];
}

export interface Run {
  /** What it wrote to its standard output. */
  readonly output: string;
  readonly exitCode: number;
}

/** Runs the benchmark again, in a network of its own with the congestion control `control`. */
export async function runUnder(control: string, args: readonly string[]): Promise<Run> {
  const again = [process.execPath, `${import.meta.dir}/bench.ts`, ...args, "--congestion", control];
  const isCurrent = control === congestionControl();
  const child = Bun.spawn([...(isCurrent ? [] : entering(control)), ...again], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = await new Response(child.stdout).text();
  return { output, exitCode: await child.exited };
}
