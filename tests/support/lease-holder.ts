import type { LeaseName } from "../../src/primitives/store/engine/leases.ts";
import { afterThisTest } from "./cleanup.ts";

/** Starts a process that holds a lease of the data directory until it is killed, at the latest after the test. */
export async function startLeaseHolder(
  dataDir: string,
  name: LeaseName,
  holder: string,
): Promise<Pick<Bun.Subprocess, "kill" | "exited">> {
  const command = [process.execPath, `${import.meta.dir}/lease-holder-process.ts`, dataDir, name, holder];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  afterThisTest(async () => {
    child.kill("SIGKILL");
    await child.exited;
  });
  const { value } = await child.stdout.getReader().read();
  const outcome = Buffer.from(value ?? []).toString();
  if (outcome !== "acquired\n") throw new Error(`the lease was not acquired: ${outcome}`);
  return child;
}
