import type { Socket } from "node:net";
import type { Connection, Session } from "ssh2";
import type { CallPort } from "../../primitives/threads/call-port.ts";
import type { ConnectionGate, Place } from "./connection-gate.ts";
import type { ConsoleSessionCounts } from "./console-session-counts.ts";
import type { AcceptedLogin, LoginId, SessionId, SshOwnerCalls, SshThreadCalls } from "./ssh-calls.ts";
import type { SshLimits } from "./ssh-limits.ts";
import { SshLogin } from "./ssh-login.ts";
import { SshSession } from "./ssh-session.ts";

/** Bytes that a client has not taken; beyond it nothing more is read from it. */
const MAX_UNSENT_BYTES = 256 * 1024;
/**
 * Bytes of all sessions that the console has not read; beyond it nothing more is read from the connection. One session has
 * twice the window of ssh2 at most, unless its client sends beyond that.
 */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;
/** A connection that ends in words has so long to say them. */
const LINGER_MS = 1000;
/** Longer than the owner needs to end the sessions of a login. */
const LOGIN_END_MS = 5000;
/** Exchanges of keys before the login: a client has no reason for a second one. */
const MAX_EXCHANGES = 3;
/** A client that takes nothing of what waits for it for so long is given up. */
const MAX_STALL_MS = 120_000;

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly remote: string;
  readonly gate: ConnectionGate;
  readonly counts: ConsoleSessionCounts;
  readonly limits: SshLimits;
  readonly owner: CallPort<SshThreadCalls, SshOwnerCalls>;
  readonly register: (session: SshSession) => SessionId;
  readonly unregister: (id: SessionId) => void;
  /** For the log, bounded by `kind`. */
  readonly warn: (kind: string, message: string) => void;
  readonly closed: () => void;
}

/** One TCP connection, from the moment it is accepted; what it may take up is bounded at every stage. */
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
    // Also where ssh2 ends it: a client that does not end its side as well would stay for ever.
    socket.once("end", () => this.#closeSoon());
    socket.once("finish", () => this.#closeSoon());
    socket.on("drain", () => this.#onDrain());
  }

  /** The client has said that it speaks SSH. */
  serve(client: Connection): void {
    const { socket, remote, limits, owner, warn } = this.#options;
    this.#client = client;
    // Broken handshakes and resets arrive here; without a handler they would end the thread.
    client.on("error", () => this.#closeSoon());
    // Comes after ssh2's own listener, once all of a packet is worked off.
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
        if (!this.#isClosed) owner.tell("log", "error", "an SSH login failed", String(error));
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

  /** Says goodbye, and closes. */
  end(): void {
    if (this.#client) this.#client.end();
    else this.#options.socket.end();
    this.#closeSoon();
  }

  /** Ends it soon, if it is of this login. */
  endLogin(login: LoginId): void {
    if (this.#login?.id === login) setTimeout(() => this.end(), LOGIN_END_MS);
  }

  /** To be called every few seconds: gives a client up that takes nothing any more. */
  sweep(now: number): void {
    if (this.#fullSince !== undefined && now - this.#fullSince > MAX_STALL_MS) this.close();
  }

  /** The connection may go on as this user's, or is ended. */
  #accept(login: AcceptedLogin): boolean {
    const { owner, remote, warn } = this.#options;
    const refusal = this.#isClosed
      ? "the connection has ended"
      : this.#place.logIn(login.user, login.isAdministrator);
    if (refusal === undefined) {
      this.#login = login;
      return true;
    }
    owner.tell("forget", login.id);
    if (!this.#isClosed) {
      warn("connections", `the SSH login of '${login.user}' from ${remote} is refused: ${refusal}`);
      this.#closeSoon();
    }
    return false;
  }

  #openSession(): string | undefined {
    const { counts, limits } = this.#options;
    if (!this.#login) return "nobody has logged in";
    if (this.#sessions.size >= limits.sessionsPerConnection)
      return `the connection has ${this.#sessions.size} open; none has more`;
    return counts.open(this.#login.user);
  }

  #serveSession(session: Session): void {
    const { owner, remote, register, unregister } = this.#options;
    const login = this.#login;
    if (!login) return;
    // By this name ssh2 tells its sessions from its channels when it cleans up, and the executable has shortened it.
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

  /** A client that sends on and takes no answers is not read until it does. */
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
      this.#options.owner.tell("forget", login.id);
    }
    this.#options.closed();
  }
}
