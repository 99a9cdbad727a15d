import type { InstanceConfig } from "../backends/oci-http/settings/instance-config.ts";
import { formatListenAddress, type ListenAddress } from "../primitives/net/listen-address.ts";
import { ANY_HOST } from "../primitives/net/vhost.ts";
import { parseUserName } from "../primitives/users/user.ts";
import type { Server } from "../server/server.ts";

/** What the greeting tells of a server. */
export type Greeted = Pick<
  Server,
  | "http"
  | "https"
  | "ssh"
  | "ops"
  | "fingerprint"
  | "dataDir"
  | "storage"
  | "adminName"
  | "administrator"
  | "instances"
  | "outages"
  | "hasUser"
>;

/** The lines that a started server prints. Only the first start says what to do next. */
export function greeting(server: Greeted): string {
  const { administrator } = server;
  const lines = ["Everlock is running", ...addresses(server)];
  if (administrator.generatedPassword !== undefined)
    lines.push(
      "",
      `The administrator '${server.adminName}' has the password ${administrator.generatedPassword}`,
      "It is shown only once.",
    );
  const next = administrator.isNew ? nextCommands(server) : [];
  if (next.length > 0) lines.push("", "Next:", ...next.map((line) => `  ${line}`));
  return `${lines.join("\n")}\n`;
}

function addresses(server: Greeted): string[] {
  const { http, https, ssh, ops, fingerprint } = server;
  const lines: string[] = [];
  if (http) lines.push(`  HTTP   ${formatListenAddress(http)}`);
  if (https) lines.push(`  HTTPS  ${formatListenAddress(https)}`);
  const out = new Set(server.outages.map(({ config }) => config.name));
  const listening = https ?? http;
  for (const { name, vhosts, store } of listening ? server.instances : []) {
    const hosts = vhosts.map((vhost) => `${vhost}:${listening?.port}`).join(", ");
    const state = out.has(name) ? ", out of service" : "";
    lines.push(`         registry '${name}' at ${hosts}, store '${store}'${state}`);
  }
  if (ssh) lines.push(`  SSH    ${formatListenAddress(ssh)}, host key ${fingerprint}`);
  if (ops) lines.push(`  ops    ${formatListenAddress(ops)}`);
  if (server.storage !== undefined) lines.push(`  store  ${server.storage}`);
  return [...lines, `  data   ${server.dataDir}`];
}

const FIRST_USER = "alice";

/** The commands that lead to a first push with this server. */
function nextCommands(server: Greeted): string[] {
  const [instance] = server.instances;
  const address = server.https ?? server.http;
  const name = parseUserName(FIRST_USER);
  const isKnown = name !== undefined && server.hasUser(name);
  const lines = isKnown ? [] : firstUser(server, instance);
  if (!instance || !address) return lines;
  const insecure = server.https ? "" : "--tls-verify=false ";
  return [...lines, `podman login ${insecure}-u ${FIRST_USER} ${hostOf(instance, server)}`];
}

function firstUser({ ssh, adminName, dataDir }: Greeted, instance: InstanceConfig | undefined): string[] {
  const grant = instance && `users grant ${FIRST_USER} http/oci/${instance.name} writer`;
  if (!ssh)
    return [`users add ${FIRST_USER}`, ...(grant === undefined ? [] : [grant])].map(
      (command) => `everlock ${command} --data-dir ${dataDir}`,
    );
  const console = `ssh -p ${ssh.port} ${adminName}@${reachableHost(ssh)}`;
  return [`${console} -t /users add ${FIRST_USER}`, ...(grant === undefined ? [] : [`${console} /${grant}`])];
}

/** A host, with its port, by which a client reaches the registry. */
function hostOf({ vhosts }: InstanceConfig, { http, https }: Greeted): string {
  const [first = ""] = vhosts;
  const exact = vhosts.find((vhost) => !vhost.startsWith("*"));
  const host = exact ?? (first === ANY_HOST ? reachableHost(https ?? http) : first.replace("*", "<name>"));
  if (https) return https.port === 443 ? host : `${host}:${https.port}`;
  return `${host}:${http?.port}`;
}

function reachableHost(address: ListenAddress | undefined): string {
  const { hostname = "localhost" } = address ?? {};
  return /^(127\.|::1$|0\.0\.0\.0$|::$)/.test(hostname) ? "localhost" : hostname;
}
