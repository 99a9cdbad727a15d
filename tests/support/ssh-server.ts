import ssh2, { type ClientChannel, type ConnectConfig } from "ssh2";
import { generateHostKey } from "../../src/frontends/ssh/host-key.ts";
import { SSH_LIMITS, type SshLimits } from "../../src/frontends/ssh/ssh-limits.ts";
import { SshOwner, type SshServices } from "../../src/frontends/ssh/ssh-owner.ts";
import { SshServer } from "../../src/frontends/ssh/ssh-server.ts";
import { Heartbeat } from "../../src/primitives/threads/heartbeat.ts";
import type { Authenticator } from "../../src/primitives/users/authenticator.ts";
import { parseSshKey } from "../../src/primitives/users/ssh-key.ts";
import type { Credential, User, UserName } from "../../src/primitives/users/user.ts";
import { UserDirectory } from "../../src/primitives/users/user-directory.ts";
import { afterThisTest } from "./cleanup.ts";
import { connectedPorts } from "./connected-ports.ts";

const PASSWORD = "right";

export function userOf(name: string, ...credentials: readonly Credential[]): User {
  return { name: name as UserName, displayName: name, isDisabled: false, credentials, grants: [] };
}

export const passwordOf = (hash: string): Credential => ({ kind: "password", hash });

/** A key pair: the private key, and the stored credential. */
export function keyPair(): { readonly privateKey: string; readonly credential: Credential } {
  const privateKey = generateHostKey();
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error) throw parsed;
  const stored = parseSshKey(`ssh-ed25519 ${parsed.getPublicSSH().toString("base64")} test`);
  if ("fault" in stored) throw new Error(stored.fault);
  return { privateKey, credential: { kind: "ssh-key", ...stored } };
}

/** The SSH frontend with both sides in this thread, and the users `alice` and `bob` with the same password. */
export async function startSsh(
  console: SshServices["console"],
  limits: Partial<SshLimits> = {},
  users: readonly User[] = [userOf("alice", passwordOf("1")), userOf("bob", passwordOf("1"))],
) {
  let directory = new UserDirectory(users);
  const logged: string[] = [];
  let attempts = 0;
  const authenticator: Pick<Authenticator, "login"> = {
    async login({ login, password }) {
      attempts++;
      const user = directory.get(login as UserName);
      return user && password === PASSWORD
        ? { kind: "accepted", user, token: undefined }
        : { kind: "refused" };
    },
  };
  const failed = (name: string, error: unknown) => void logged.push(`${name}: ${error}`);
  const [ownerPort, threadPort] = connectedPorts(failed);
  const owner = new SshOwner(ownerPort, {
    authenticator: authenticator as Authenticator,
    users: () => directory,
    console,
    log: {
      info: (message) => void logged.push(message),
      warn: (message) => void logged.push(message),
      error: (message, cause) => void logged.push(`${message}: ${cause}`),
    },
  });
  const server = new SshServer(threadPort);
  const listen = { hostname: "127.0.0.1", port: 0 };
  const hostKey = { bytes: await server.generateHostKey(), place: "host_key" };
  const started = await server.start({
    listen,
    hostKey,
    limits: { ...SSH_LIMITS, ...limits },
    heartbeat: new Heartbeat().memory,
  });
  if (started.kind === "failed") throw new Error(started.message);
  afterThisTest(() => server.stop());
  const { port } = started.address;
  return {
    port,
    logged,
    attempts: () => attempts,
    /** Replaces the users, like a change in the user registry. */
    change(changed: readonly User[]) {
      directory = new UserDirectory(changed);
      owner.usersChanged();
    },
    connect: (config: ConnectConfig = {}) => connect(port, config),
  };
}

/** Connects and logs in; rejects with the reason of a failure. */
export async function connect(port: number, config: ConnectConfig = {}): Promise<ssh2.Client> {
  const client = new ssh2.Client();
  afterThisTest(() => void client.destroy());
  await new Promise<void>((resolve, reject) => {
    client.on("ready", resolve);
    client.on("error", reject);
    client.on("close", () => reject(new Error("closed")));
    client.connect({ host: "127.0.0.1", port, username: "alice", password: PASSWORD, ...config });
  });
  return client;
}

/** The exit codes of channels. They may come in one packet with the answer that opens the channel, before `await` goes on. */
const codes = new WeakMap<ClientChannel, number | null>();

function opened(open: (callback: ssh2.ClientCallback) => void): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    open((error, channel) => {
      if (error) return reject(error);
      channel.on("exit", (code: number | null) => void codes.set(channel, code));
      resolve(channel);
    });
  });
}

export function shell(client: ssh2.Client, terminal: boolean): Promise<ClientChannel> {
  return opened((callback) => client.shell(terminal ? {} : false, callback));
}

export function exec(client: ssh2.Client, command: string): Promise<ClientChannel> {
  return opened((callback) => client.exec(command, callback));
}

/** A session's whole output and its exit code. */
export async function outcomeOf(
  channel: ClientChannel,
): Promise<{ readonly text: string; readonly code: number | null }> {
  let text = "";
  channel.on("data", (data: Buffer) => {
    text += data.toString();
  });
  channel.stderr.on("data", (data: Buffer) => {
    text += data.toString();
  });
  await new Promise<void>((resolve) => channel.on("close", () => resolve()));
  return { text, code: codes.get(channel) ?? null };
}
