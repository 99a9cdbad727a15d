import { type ArgsDef, defineCommand } from "citty";
import { resolveServerConfig, type ServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { messageOf } from "../primitives/expected-error.ts";
import { formatListenAddress, type ListenAddress } from "../primitives/net/listen-address.ts";
import { parseDuration } from "../primitives/text/duration.ts";
import { CommandError } from "./command-error.ts";
import { askOverHttp } from "./plain-http.ts";

const ARGS: ArgsDef = {
  timeout: {
    type: "string",
    description: "how long to wait for the answer (default: 5s)",
    valueHint: "duration",
  },
  config: { type: "string", description: "the server's configuration file", valueHint: "file" },
  "frontend-ops-listen": {
    type: "string",
    description: "where the server has /readyz",
    valueHint: "host:port",
  },
  "frontend-http-listen-http": {
    type: "string",
    description: "where the server serves HTTP; asked if it has no /readyz",
    valueHint: "host:port",
  },
};
const USAGE = "use: everlock health [--timeout <duration>] [settings of the server]";
const DEFAULT_TIMEOUT_SECONDS = 5;
const MAX_TIMEOUT_SECONDS = 3600;

export const health = defineCommand({
  meta: {
    name: "health",
    description:
      "Ask the server of this machine whether it is ready; exits with 1 if it is not. Takes the settings of 'serve'",
  },
  args: ARGS,
  async run({ rawArgs }) {
    const { seconds, flags } = takeTimeout(rawArgs);
    const { address, path, host, isReady } = questionFor(resolveServerConfig(flags, process.env));
    const name = `http://${formatListenAddress(address)}${path}`;
    const { status, body } = await askOverHttp(address, path, host, seconds * 1000).catch(
      (error: unknown) => {
        throw new CommandError(`not ready: ${name}: ${messageOf(error)}`);
      },
    );
    if (!isReady(status))
      throw new CommandError(
        `not ready: ${name} returned ${status} ${body.replaceAll(/\s+/g, " ")}`.trimEnd(),
      );
    process.stdout.write(`ready: ${name} returned ${status}\n`);
  },
});

interface Question {
  readonly address: ListenAddress;
  readonly path: string;
  /** The Host header. */
  readonly host: string;
  isReady(status: number): boolean;
}

/** `/readyz` if the server has it, otherwise the registry `default`. */
function questionFor({ ops, http, instances }: ServerConfig): Question {
  if (ops) {
    const address = reachable(ops, "frontend-ops-listen");
    return { address, path: "/readyz", host: "localhost", isReady: (status) => status === 200 };
  }
  const vhost = instances?.(undefined)[0]?.vhosts[0];
  if (!http || vhost === undefined)
    throw new UsageError(
      "the server serves no registry over HTTP, so it needs --frontend-ops-listen <host:port> to be asked",
    );
  return {
    address: reachable(http.settings.listen, "frontend-http-listen-http"),
    path: "/v2/",
    host: vhost.replace("*", "health"),
    // A server that asks for a login, or redirects to HTTPS, serves.
    isReady: (status) => status < 500,
  };
}

/** The address that reaches a listener from its own machine. */
function reachable({ hostname, port }: ListenAddress, setting: string): ListenAddress {
  if (port === 0)
    throw new UsageError(`with --${setting} …:0 the system chooses the port, so it can't be asked`);
  const loopbacks: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };
  return { hostname: loopbacks[hostname] ?? hostname, port };
}

function takeTimeout(args: readonly string[]): { seconds: number; flags: readonly string[] } {
  const at = args.findIndex((arg) => arg === "--timeout" || arg.startsWith("--timeout="));
  if (at < 0) return { seconds: DEFAULT_TIMEOUT_SECONDS, flags: args };
  const [, inline] = args[at]?.split("=") ?? [];
  const text = inline ?? args[at + 1] ?? "";
  const seconds = parseDuration(text);
  if (!seconds || seconds > MAX_TIMEOUT_SECONDS)
    throw new UsageError(`--timeout must be a time such as 5s, of up to 1h, not '${text}'; ${USAGE}`);
  return { seconds, flags: args.toSpliced(at, inline === undefined ? 2 : 1) };
}
