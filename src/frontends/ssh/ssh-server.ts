import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import ssh2 from "ssh2";
import { LogThrottle } from "../../primitives/logging/log-throttle.ts";
import { plainAddress } from "../../primitives/net/client-network.ts";
import type { CallPort } from "../../primitives/threads/call-port.ts";
import { Heartbeat } from "../../primitives/threads/heartbeat.ts";
import { ALGORITHMS } from "./algorithms.ts";
import { ConnectionGate } from "./connection-gate.ts";
import { ConsoleSessionCounts } from "./console-session-counts.ts";
import { generateHostKey, hostKeyFingerprint, readHostKey } from "./host-key.ts";
import { isolate } from "./isolate.ts";
import {
  type LoginId,
  type RemoteSshOwner,
  type SessionId,
  SSH_OWNER,
  SSH_THREAD,
  type SshSetup,
  type SshThreadCalls,
  type Started,
} from "./ssh-calls.ts";
import { SshConnection } from "./ssh-connection.ts";
import type { SshSession } from "./ssh-session.ts";

const KEEPALIVE_COUNT = 5;
const SWEEP_MS = 5000;

/** The SSH server on the SSH thread: connections, keys and channels. The main thread has users, stores and the console. */
export class SshServer implements SshThreadCalls {
  readonly #owner: RemoteSshOwner;
  /** Keyed by the client's address and port. */
  readonly #connections = new Map<string, SshConnection>();
  readonly #sessions = new Map<SessionId, SshSession>();
  #lastSession = 0;
  #listener: Server | undefined;
  #sweeping: Timer | undefined;

  constructor(port: CallPort) {
    this.#owner = port.remote(SSH_OWNER);
    port.serve(SSH_THREAD, () => this);
  }

  async generateHostKey(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(Buffer.from(generateHostKey()));
  }

  async start(setup: SshSetup): Promise<Started> {
    const hostKey = readHostKey(setup.hostKey);
    const listener = this.#listen(hostKey, setup.limits);
    const { hostname, port } = setup.listen;
    try {
      await new Promise<void>((resolve, reject) => {
        listener.once("error", reject);
        listener.listen(port, hostname, resolve);
      });
    } catch (error) {
      const { code, message = String(error) } = error as { code?: string; message?: string };
      return { kind: "failed", code, message };
    }
    listener.on("error", (error) => this.#owner.log("error", "the SSH listener failed", String(error)));
    new Heartbeat(setup.heartbeat).start();
    this.#listener = listener;
    this.#sweeping = setInterval(() => {
      for (const connection of this.#connections.values()) connection.sweep(performance.now());
    }, SWEEP_MS);
    return {
      kind: "listening",
      address: { hostname, port: (listener.address() as AddressInfo).port },
      fingerprint: hostKeyFingerprint(hostKey),
    };
  }

  async read(session: SessionId): Promise<Uint8Array | undefined> {
    return this.#sessions.get(session)?.read();
  }

  async write(session: SessionId, text: string, toError: boolean): Promise<void> {
    await this.#sessions.get(session)?.write(text, toError);
  }

  endLogin(login: LoginId): void {
    for (const connection of this.#connections.values()) connection.endLogin(login);
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeping);
    const listener = this.#listener;
    const closed = new Promise<void>((resolve) => listener?.close(() => resolve()) ?? resolve());
    for (const connection of this.#connections.values()) connection.end();
    await closed;
  }

  #listen(hostKey: string, limits: SshSetup["limits"]): Server {
    const throttle = new LogThrottle((message) => this.#owner.log("warn", message));
    const gate = new ConnectionGate((message) => throttle.log("connections", message), limits);
    const counts = new ConsoleSessionCounts(limits);
    const protocol = new ssh2.Server(
      {
        hostKeys: [hostKey],
        ident: "Everlock",
        algorithms: ALGORITHMS,
        keepaliveInterval: limits.keepaliveMs,
        keepaliveCountMax: KEEPALIVE_COUNT,
      },
      (client, { ip, port }) => this.#connections.get(`${ip} ${port}`)?.serve(client),
    );
    const accept = (socket: Socket) => {
      const { remoteAddress: remote, remotePort } = socket;
      // The client has already disconnected.
      if (remote === undefined) return void socket.destroy();
      const key = `${remote} ${remotePort}`;
      const connection = new SshConnection({
        socket,
        remote: plainAddress(remote),
        gate,
        counts,
        limits,
        owner: this.#owner,
        register: (session) => this.#register(session),
        unregister: (id) => void this.#sessions.delete(id),
        warn: (kind, message) => throttle.log(kind, message),
        closed: () => {
          if (this.#connections.get(key) === connection) this.#connections.delete(key);
        },
      });
      this.#connections.set(key, connection);
      isolate(socket, (error) => {
        throttle.log(
          "faults",
          `the SSH connection from ${remote} is closed because of an error: ${stackOf(error)}`,
        );
        connection.close();
      });
      protocol.injectSocket(socket);
    };
    return createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: limits.keepaliveMs },
      accept,
    );
  }

  #register(session: SshSession): SessionId {
    const id = ++this.#lastSession as SessionId;
    this.#sessions.set(id, session);
    return id;
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
