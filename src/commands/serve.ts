import { defineCommand } from "citty";
import { resolveServerConfig } from "../config/server-config.ts";
import { unknownVariables } from "../config/sources.ts";
import { collectWhenIdle } from "../primitives/bounds/idle-collection.ts";
import { failureOf, isHidden } from "../primitives/errors/failure.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import { endOnSignals, STOP_SLACK_MS } from "../server/end-signals.ts";
import { EndRequested, Lifetime } from "../server/lifetime.ts";
import { type Server, startServer } from "../server/server.ts";
import { greeting } from "./greeting.ts";
import { settingArgs } from "./setting-args.ts";

export const serve = defineCommand({
  meta: { name: "serve", description: "Run the registry and its admin console" },
  args: settingArgs(),
  async run({ rawArgs }) {
    const config = resolveServerConfig(rawArgs, process.env);
    for (const warning of unknownVariables(process.env)) consoleLogger.warn(warning);
    const lifetime = new Lifetime();
    const endAsked = endOnSignals(lifetime, {
      deadlineMs: config.stopTimeoutMs + STOP_SLACK_MS,
      log: consoleLogger,
      exit: process.exit,
    });
    let server: Server | undefined;
    // Startup reads the newest state, so a SIGHUP during startup has nothing to do.
    process.on("SIGHUP", () => void (server && reload(server)));
    try {
      server = await startServer(config, consoleLogger, lifetime);
      process.stdout.write(greeting(server));
      collectWhenIdle();
      await endAsked;
      process.stdout.write("Stopping: finishing requests in progress\n");
      await server.stop();
    } catch (error) {
      if (!(error instanceof EndRequested)) throw error;
    }
    process.stdout.write("Stopped\n");
  },
});

async function reload(server: Server): Promise<void> {
  try {
    const changes = await server.reload();
    const what = changes.length > 0 ? `applied: ${changes.join("; ")}` : "nothing has changed";
    consoleLogger.info(`SIGHUP: ${what}`);
  } catch (error) {
    const { kind, detail } = failureOf(error);
    if (isHidden(kind)) consoleLogger.error("SIGHUP: no change was applied", error);
    else consoleLogger.warn(`SIGHUP: no change was applied: ${detail}`);
  }
}
