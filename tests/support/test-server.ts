import { resolveServerConfig } from "../../src/config/server-config.ts";
import type { Logger } from "../../src/primitives/logging/logger.ts";
import { type Server, startServer } from "../../src/server/server.ts";
import { afterThisTest } from "./cleanup.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

export interface TestServer {
  readonly server: Server;
  readonly httpPort: number;
  readonly dataDir: string;
  /** The log lines. */
  readonly logged: readonly string[];
}

/** A server in this process, on free ports and without the console, with new data or those of an earlier one; stopped after the test. */
export async function startTestServer(
  args: readonly string[] = [],
  dataDir = `${temporaryDirectory()}/data`,
): Promise<TestServer> {
  const logged: string[] = [];
  const log: Logger = {
    info: (message) => void logged.push(`info ${message}`),
    warn: (message) => void logged.push(`warn ${message}`),
    error: (message, cause) =>
      void logged.push(`error ${message}: ${cause instanceof Error ? cause.stack : cause}`),
  };
  const fixed = ["--data-dir", dataDir, "--admin-password", "change-me", "--admin-user", "alice"];
  const ports = [
    "--frontend-http-listen-http",
    "127.0.0.1:0",
    "--no-backend-admin-ssh",
    "--http-workers",
    "1",
  ];
  const server = await startServer(resolveServerConfig([...fixed, ...ports, ...args], {}), log);
  afterThisTest(() => server.stop());
  return { server, httpPort: server.http?.port ?? 0, dataDir, logged };
}
