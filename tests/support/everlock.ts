import {
  ADMIN_PASSWORD,
  type Everlock,
  type StartOptions,
  sshRun,
  startProcess,
} from "./everlock-process.ts";
import { NODES, startNodes } from "./nodes.ts";
import type { RunResult } from "./tools.ts";

export { ADMIN_PASSWORD, type Everlock, sshRun } from "./everlock-process.ts";

/**
 * Starts the executable in an empty directory, or on the data of an earlier one; stopped after the test. With
 * `EVERLOCK_TEST_NODES`, so many nodes of an object store behind a load balancer: see `startNodes`.
 */
export function startEverlock(options: StartOptions = {}): Promise<Everlock> {
  return NODES === undefined ? startProcess(options) : startNodes(NODES, options);
}

/** Connects, logs in as the administrator and runs one console command, where that this still works is what is tested. */
export function loginAndRun({ sshPort }: Everlock, command: string): Promise<RunResult> {
  return sshRun(sshPort, "admin", ADMIN_PASSWORD, command);
}

/** Gives `alice` write access to the registry `default`. */
export async function addAlice(server: Everlock, role = "writer"): Promise<void> {
  const script = `/users add alice change-me\n/users grant alice http/oci/default ${role}\n`;
  const { code, stderr } = await server.console(undefined, script);
  if (code !== 0) throw new Error(`alice could not be added: ${stderr}`);
}
