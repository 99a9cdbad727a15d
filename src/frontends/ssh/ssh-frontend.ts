import type { ListenAddress } from "../../primitives/net/listen-address.ts";
import { OpenSockets } from "../../primitives/net/open-sockets.ts";
import { CallPort } from "../../primitives/threads/call-port.ts";
import { ListenError } from "../listen-error.ts";
import type { SshOwnerCalls, SshThreadCalls } from "./ssh-calls.ts";
import { sshLimits } from "./ssh-limits.ts";
import { SshOwner, type SshServices } from "./ssh-owner.ts";

export interface SshFrontendOptions extends SshServices {
  readonly listen: ListenAddress;
  /** Path of the key in OpenSSH format; read on the SSH thread, so that only that one loads ssh2. */
  readonly hostKeyFile: string;
  /** Starts a thread that runs `ssh-worker.ts`. */
  readonly spawn: () => Worker;
}

export const SSH_LISTEN_SETTING = "frontend-ssh-listen";

/** Pause before a thread that ended is replaced; doubled after each failed start, up to a maximum. */
const RESTART_PAUSE_MS = 200;
const MAX_RESTART_PAUSE_MS = 30_000;
const STOP_MS = 1000;
/** Interval of pings to the thread; a thread that misses two is replaced. */
const WATCH_MS = 5000;

interface Thread {
  readonly worker: Worker;
  readonly port: CallPort<SshOwnerCalls, SshThreadCalls>;
  readonly owner: SshOwner;
  unanswered: number;
}

/**
 * Serves the admin console over SSH on a separate thread, so that cryptography for unauthenticated clients slows down only
 * other SSH clients. A thread that ends or hangs is logged and replaced.
 */
export class SshFrontend {
  readonly #options: SshFrontendOptions;
  #listen: ListenAddress;
  #thread: Thread | undefined;
  #restartPause = RESTART_PAUSE_MS;
  #watching: Timer | undefined;
  #isStopping = false;

  private constructor(options: SshFrontendOptions) {
    this.#options = options;
    this.#listen = options.listen;
  }

  /** Rejects with `ListenError`. */
  static async start(options: SshFrontendOptions): Promise<SshFrontend> {
    const frontend = new SshFrontend(options);
    await frontend.#start();
    frontend.#watching = setInterval(() => frontend.#watch(), WATCH_MS);
    return frontend;
  }

  get address(): ListenAddress {
    return this.#listen;
  }

  /** Ends the sessions whose user or credential no longer exists. */
  usersChanged(): void {
    this.#thread?.owner.usersChanged();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#watching);
    const thread = this.#thread;
    if (!thread) return;
    await Promise.race([thread.port.call("stop").catch(() => undefined), Bun.sleep(STOP_MS)]);
    thread.worker.terminate();
  }

  async #start(): Promise<void> {
    const { spawn, hostKeyFile, log } = this.#options;
    const worker = spawn();
    const owner = new SshOwner(this.#options, () => port);
    const port: CallPort<SshOwnerCalls, SshThreadCalls> = new CallPort(
      owner,
      (items) => worker.postMessage(items),
      (name, error) => log.error(`the call ${name} of the SSH thread failed`, error),
    );
    const thread: Thread = { worker, port, owner, unanswered: 0 };
    let cause: unknown = "it ended without an error";
    worker.addEventListener("message", ({ data }) => port.receive(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      cause = event.message;
    });
    worker.addEventListener("close", () => {
      port.end();
      owner.releaseAll();
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      if (!this.#isStopping) this.#replace(cause);
    });
    const limits = sshLimits(OpenSockets.open()?.limit ?? Number.POSITIVE_INFINITY);
    const started = await port.call("start", { listen: this.#listen, hostKeyFile, limits }).catch((error) => {
      worker.terminate();
      throw error;
    });
    if (started.kind === "failed") {
      worker.terminate();
      throw new ListenError("SSH", this.#listen, SSH_LISTEN_SETTING, started);
    }
    this.#listen = started.address;
    this.#thread = thread;
    this.#restartPause = RESTART_PAUSE_MS;
  }

  #watch(): void {
    const thread = this.#thread;
    if (!thread) return;
    if (thread.unanswered >= 2) {
      this.#options.log.warn(
        `the SSH thread has not responded for ${(2 * WATCH_MS) / 1000} seconds and is terminated`,
      );
      thread.worker.terminate();
      return;
    }
    thread.unanswered++;
    thread.port
      .call("ping")
      .then(() => {
        thread.unanswered = 0;
      })
      .catch(() => undefined);
  }

  #replace(cause: unknown): void {
    this.#options.log.error("the SSH thread has ended and is replaced", cause);
    setTimeout(() => {
      if (this.#isStopping) return;
      this.#start().catch((error) => this.#replace(error));
    }, this.#restartPause);
    this.#restartPause = Math.min(2 * this.#restartPause, MAX_RESTART_PAUSE_MS);
  }
}
