import { type ArgsDef, defineCommand } from "citty";
import { resolveServerConfig } from "../config/server-config.ts";
import { SETTING_NAMES, SETTINGS, type Setting } from "../config/settings.ts";
import { failureOf, isHidden } from "../primitives/errors/failure.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import { formatListenAddress } from "../primitives/net/listen-address.ts";
import { ANY_HOST } from "../primitives/net/vhost.ts";
import { endOnSignals, STOP_SLACK_MS } from "../server/end-signals.ts";
import { EndRequested, Lifetime } from "../server/lifetime.ts";
import { type Server, startServer } from "../server/server.ts";

export const serve = defineCommand({
  meta: { name: "serve", description: "Run the registry and its admin console" },
  args: usageOfSettings(),
  async run({ rawArgs }) {
    const config = resolveServerConfig(rawArgs, process.env);
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

/** Only for the usage text: `resolveServerConfig` parses the raw arguments and refuses unknown flags. */
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

function greeting(server: Server): string {
  const { http, https, ssh, ops, generatedPassword } = server;
  const lines = ["Everlock is running"];
  if (http) lines.push(`  HTTP   ${formatListenAddress(http)}`);
  if (https) lines.push(`  HTTPS  ${formatListenAddress(https)}`);
  const out = new Set(server.outages.map(({ config }) => config.name));
  for (const { name, vhosts, store } of http ? server.instances : []) {
    const hosts = vhosts.map((vhost) => `${vhost}:${http?.port}`).join(", ");
    const state = out.has(name) ? ", out of service" : "";
    lines.push(`         registry '${name}' at ${hosts}, store '${store}'${state}`);
  }
  if (ssh) lines.push(`  SSH    ${formatListenAddress(ssh)}`);
  if (ops) lines.push(`  ops    ${formatListenAddress(ops)}`);
  lines.push(`  data   ${server.dataDir}`);
  if (generatedPassword) {
    lines.push(
      "",
      `The administrator '${server.adminName}' has the password ${generatedPassword}`,
      "It is shown only once.",
    );
  }
  return `${[...lines, "", "Next:", ...nextCommands(server).map((line) => `  ${line}`)].join("\n")}\n`;
}

/** The commands that lead to a first push. */
function nextCommands({ http, ssh, instances, adminName }: Server): string[] {
  const [instance] = instances;
  const [vhost] = instance?.vhosts ?? [];
  const host = ssh && /^(127\.|::1$|0\.0\.0\.0$|::$)/.test(ssh.hostname) ? "localhost" : ssh?.hostname;
  const console = ssh ? [`ssh -p ${ssh.port} ${adminName}@${host} -t /users add alice`] : [];
  if (!instance || !http) return console;
  return [
    ...console,
    ...(ssh
      ? [`ssh -p ${ssh.port} ${adminName}@${host} /users grant alice http/oci/${instance.name} writer`]
      : []),
    `podman login --tls-verify=false -u alice ${vhost === ANY_HOST ? "localhost" : vhost}:${http.port}`,
  ];
}
