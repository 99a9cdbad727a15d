import { existsSync, readFileSync } from "node:fs";
import { cpus, freemem, loadavg, release, totalmem } from "node:os";

const CONGESTION_CONTROL = "/proc/sys/net/ipv4/tcp_congestion_control";
const BLOCK_BYTES = 1024 ** 3;

/**
 * Takes up to so many bytes of memory and gives them back. The host of a virtual machine may take away what is free: then
 * whoever uses it first pays for getting it back, several times what the work itself costs.
 */
export async function warmMemory(bytes: number): Promise<void> {
  const blocks = Math.floor(Math.min(bytes, freemem() / 2) / BLOCK_BYTES);
  const script = `globalThis.kept = Array.from({ length: ${blocks} }, () => new Uint8Array(${BLOCK_BYTES}).fill(1))`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdin: "ignore", stdout: "ignore" });
  if ((await child.exited) !== 0) throw new Error(`${blocks} GiB of memory could not be taken`);
}

/** What figures are good for depends on it. */
export function describeMachine(): string {
  const [{ model } = { model: "unknown processor" }] = cpus();
  const gib = Math.round(totalmem() / 1024 ** 3);
  const load = loadavg()[0]?.toFixed(1);
  return `${cpus().length} cores (${model.trim()}), ${gib} GiB of memory, Linux ${release()}, load at the end ${load}`;
}

/** How the kernel paces TCP, which on the loopback decides about large transfers; `undefined` if it doesn't say. */
export function congestionControl(): string | undefined {
  return existsSync(CONGESTION_CONTROL) ? readFileSync(CONGESTION_CONTROL, "utf8").trim() : undefined;
}
