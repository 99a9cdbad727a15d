import { type ArgsDef, defineCommand } from "citty";
import { formatListenAddress } from "../config/listen-address.ts";
import { resolveServerConfig } from "../config/server-config.ts";
import { SETTING_NAMES, SETTINGS, type Setting } from "../config/settings.ts";
import { consoleLogger } from "../primitives/logger.ts";
import { type Server, startServer } from "../server.ts";

export const serve = defineCommand({
  meta: { name: "serve", description: "Run the registry and its admin console" },
  args: usageOfSettings(),
  async run({ rawArgs }) {
    const server = await startServer(resolveServerConfig(rawArgs, process.env), consoleLogger);
    process.stdout.write(greeting(server));
    await stopSignal();
    process.stdout.write("Stopping: finishing the requests under way\n");
    await server.stop();
    process.stdout.write("Stopped\n");
  },
});

/** For the usage text alone; the values are read from the raw arguments, where an unknown flag is refused. */
function usageOfSettings(): ArgsDef {
  const entries = SETTING_NAMES.map((name) => {
    const { type, help, hint, fallback }: Setting = SETTINGS[name];
    const description = fallback === undefined ? help : `${help} (default: ${fallback})`;
    return [
      name,
      type === "boolean" ? { type, description } : { type: "string", description, valueHint: hint },
    ];
  });
  return Object.fromEntries(entries);
}

function greeting({ http, instances, generatedPassword }: Server): string {
  const lines = ["Everlock is running"];
  for (const { name, vhosts, store } of instances) {
    const hosts = vhosts.map((vhost) => `${vhost}:${http?.port}`).join(", ");
    lines.push(`  registry '${name}'  http://${hosts}  store ${store}`);
  }
  if (http) lines.push(`  HTTP listens on ${formatListenAddress(http)}`);
  if (generatedPassword)
    lines.push("", `  The administrator's password, shown this once: ${generatedPassword}`);
  return `${lines.join("\n")}\n`;
}

/** Resolves at the first Ctrl-C or SIGTERM; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let seen = false;
    const onSignal = () => {
      if (seen) process.exit(130);
      seen = true;
      resolve();
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}
