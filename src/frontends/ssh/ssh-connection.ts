import type { Socket } from "node:net";
import type { Connection, Session } from "ssh2";
import type { ConnectionGate, Place } from "./connection-gate.ts";
import type { ConsoleSessionCounts } from "./console-session-counts.ts";
import type { AcceptedLogin, LoginId, RemoteSshOwner, SessionId } from "./ssh-calls.ts";
import type { SshLimits } from "./ssh-limits.ts";
import { SshLogin } from "./ssh-login.ts";
import { SshSession } from "./ssh-session.ts";

/** Above this many bytes that the client has not read, the server stops reading from it. */
const MAX_UNSENT_BYTES = 256 * 1024;
/**
 * Above this many bytes that the console has not read, in all sessions, the server stops reading from the connection. One
 * session has at most twice the window of ssh2, unless its client exceeds the window.
 */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;
/** Time for a last message before the connection is closed. */
const LINGER_MS = 1000;
/** Maximal key exchanges before the login; a client has no reason for a second one. */
const MAX_EXCHANGES = 3;
/** A client that reads nothing of its pending output for this time is disconnected. */
const MAX_STALL_MS = 120_000;

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly remote: string;
  readonly gate: ConnectionGate;
  readonly counts: ConsoleSessionCounts;
  readonly limits: SshLimits;
  readonly owner: RemoteSshOwner;
  readonly register: (session: SshSession) => SessionId;
  readonly unregister: (id: SessionId) => void;
  /** Logs a warning, throttled by `kind`. */
  readonly warn: (kind: string, message: string) => void;
  readonly closed: () => void;
}

/** One TCP connection, from accept to close, with limits on what it uses at every stage. */
export class SshConnection {
  readonly #options: ConnectionOptions;
  readonly #place: Place;
  readonly #grace: Timer;
  readonly #sessions = new Set<SshSession>();
  #client: Connection | undefined;
  #login: AcceptedLogin | undefined;
  #exchanges = 0;
  #isClosed = false;
  #fullSince: number | undefined;
  #drained = Promise.withResolvers<void>();

  constructor(options: ConnectionOptions) {
    const { socket, remote, gate, limits } = options;
    this.#options = options;
    this.#place = gate.enter(remote, () => this.close());
    this.#grace = setTimeout(() => this.close(), limits.loginGraceMs);
    socket.on("error", () => this.close());
    socket.once("close", () => this.#onClose());
    // Also when ssh2 ends the connection: a client that never ends its side would stay connected forever.
    socket.once("end", () => this.#closeSoon());
    socket.once("finish", () => this.#closeSoon());
    socket.on("drain", () => this.#onDrain());
  }

  /** Called once the client has sent its SSH identification. */
  serve(client: Connection): void {
    const { socket, remote, limits, owner, warn } = this.#options;
    this.#client = client;
    // Broken handshakes and connection resets; without a handler they would end the thread.
    client.on("error", () => this.#closeSoon());
    // Runs after ssh2's own listener, which has then processed the whole packet.
    socket.on("data", () => this.#checkPressure());
    client.on("handshake", () => {
      this.#place.handshakeDone();
      if (!this.#login && ++this.#exchanges > MAX_EXCHANGES) this.close();
    });
    const login = new SshLogin({
      owner,
      remote,
      limits,
      accept: (accepted) => this.#accept(accepted),
      end: () => this.end(),
    });
    client.on("authentication", (context) => {
      login.authenticate(context).catch((error) => {
        if (!this.#isClosed) owner.log("error", "an SSH login failed", String(error));
        this.close();
      });
    });
    client.on("ready", () => {
      clearTimeout(this.#grace);
      client.on("session", (accept, reject) => {
        const refusal = this.#openSession();
        if (refusal === undefined) this.#serveSession(accept());
        else {
          warn("sessions", `an SSH session of '${this.#login?.user}' from ${remote} is refused: ${refusal}`);
          reject();
        }
      });
    });
  }

  close(): void {
    this.#options.socket.destroy();
    this.#onClose();
  }

  /** Sends a disconnect message and closes. */
  end(): void {
    if (this.#client) this.#client.end();
    else this.#options.socket.end();
    this.#closeSoon();
  }

  /** Ends the connection after a delay, if it belongs to this login. */
  endLogin(login: LoginId): void {
    if (this.#login?.id === login) setTimeout(() => this.end(), this.#options.limits.loginEndMs);
  }

  /** Called every few seconds; closes a connection whose client no longer reads. */
  sweep(now: number): void {
    if (this.#fullSince !== undefined && now - this.#fullSince > MAX_STALL_MS) this.close();
  }

  /** Counts the connection for the user; closes it and returns false if a limit is reached. */
  #accept(login: AcceptedLogin): boolean {
    const { owner, remote, warn } = this.#options;
    const refusal = this.#isClosed
      ? "the connection is closed"
      : this.#place.logIn(login.user, login.isAdministrator);
    if (refusal === undefined) {
      this.#login = login;
      return true;
    }
    owner.forget(login.id);
    if (!this.#isClosed) {
      warn("connections", `the SSH login of '${login.user}' from ${remote} is refused: ${refusal}`);
      this.#closeSoon();
    }
    return false;
  }

  #openSession(): string | undefined {
    const { counts, limits } = this.#options;
    if (!this.#login) return "the client has not logged in";
    if (this.#sessions.size >= limits.sessionsPerConnection)
      return `the connection has ${this.#sessions.size} open, the maximum for one connection`;
    return counts.open(this.#login.user);
  }

  #serveSession(session: Session): void {
    const { owner, remote, register, unregister } = this.#options;
    const login = this.#login;
    if (!login) return;
    // At cleanup ssh2 recognizes its sessions by this class name, which minification has shortened.
    Object.defineProperty(session.constructor, "name", { value: "Session" });
    const served = new SshSession(session, {
      login: login.id,
      remote,
      owner,
      register,
      unregister,
      drained: () => this.#whenDrained(),
      wasRead: () => this.#resumeIfRelieved(),
    });
    this.#sessions.add(served);
    session.on("close", () => this.#release(served, login));
  }

  #release(session: SshSession, { user }: AcceptedLogin): void {
    if (!this.#sessions.delete(session)) return;
    session.close();
    this.#options.counts.close(user);
  }

  /** Pauses reading while the client does not read its output or the console does not read its input. */
  #checkPressure(): void {
    const { socket } = this.#options;
    if (this.#isFull || this.#unread > MAX_UNREAD_BYTES) {
      if (this.#isFull) this.#fullSince ??= performance.now();
      socket.pause();
    }
  }

  #onDrain(): void {
    this.#fullSince = undefined;
    this.#drained.resolve();
    this.#drained = Promise.withResolvers();
    this.#resumeIfRelieved();
  }

  #resumeIfRelieved(): void {
    const { socket } = this.#options;
    if (socket.isPaused() && !this.#isFull && this.#unread <= MAX_UNREAD_BYTES) socket.resume();
  }

  async #whenDrained(): Promise<void> {
    if (!this.#isFull || this.#isClosed) return;
    this.#fullSince ??= performance.now();
    await this.#drained.promise;
  }

  get #isFull(): boolean {
    return this.#options.socket.writableLength > MAX_UNSENT_BYTES;
  }

  get #unread(): number {
    let sum = 0;
    for (const session of this.#sessions) sum += session.unread;
    return sum;
  }

  #closeSoon(): void {
    setTimeout(() => this.close(), LINGER_MS);
  }

  #onClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#grace);
    this.#place.leave();
    this.#drained.resolve();
    const login = this.#login;
    if (login) {
      for (const session of [...this.#sessions]) this.#release(session, login);
      this.#options.owner.forget(login.id);
    }
    this.#options.closed();
  }
}
