import type { ListenAddress } from "../../primitives/net/listen-address.ts";
import { OpenSockets } from "../../primitives/net/open-sockets.ts";
import type { KeptSecret, Secrets } from "../../primitives/store/engine/secrets.ts";
import { WorkerThread } from "../../primitives/threads/worker-thread.ts";
import { ListenError } from "../listen-error.ts";
import { THREAD_ERRORS } from "../thread-errors.ts";
import { SSH_THREAD } from "./ssh-calls.ts";
import { sshLimits } from "./ssh-limits.ts";
import { SshOwner, type SshServices } from "./ssh-owner.ts";

export interface SshFrontendOptions extends SshServices {
  readonly listen: ListenAddress;
  /** Have the host key. Clients remember it, so it must never change. */
  readonly secrets: Secrets;
  /** Starts a thread that runs `ssh-worker.ts`. */
  readonly spawn: () => Worker;
  /** How long the thread may not respond before it is replaced, in milliseconds. */
  readonly answerTimeoutMs?: number;
}

export const SSH_LISTEN_SETTING = "frontend-ssh-listen";

/** Pause before a thread that ended is replaced; doubled after each failed start, up to a maximum. */
const RESTART_PAUSE_MS = 200;
const MAX_RESTART_PAUSE_MS = 30_000;
const STOP_MS = 1000;

interface Thread {
  readonly worker: WorkerThread;
  readonly owner: SshOwner;
}

/**
 * Serves the admin console over SSH on a separate thread, so that cryptography for unauthenticated clients slows down only
 * other SSH clients. A thread that ends or hangs is logged and replaced.
 */
export class SshFrontend {
  readonly #options: SshFrontendOptions;
  #listen: ListenAddress;
  #fingerprint = "";
  #hostKey: KeptSecret | undefined;
  #thread: Thread | undefined;
  #restartPause = RESTART_PAUSE_MS;
  #isStopping = false;

  private constructor(options: SshFrontendOptions) {
    this.#options = options;
    this.#listen = options.listen;
  }

  /** Rejects with `ListenError`. */
  static async start(options: SshFrontendOptions): Promise<SshFrontend> {
    const frontend = new SshFrontend(options);
    await frontend.#start();
    return frontend;
  }

  get address(): ListenAddress {
    return this.#listen;
  }

  /** Of the host key: `SHA256:…`. */
  get fingerprint(): string {
    return this.#fingerprint;
  }

  /** Ends the sessions whose user or credential no longer exists. */
  usersChanged(): void {
    this.#thread?.owner.usersChanged();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    if (!this.#thread) return;
    const { worker } = this.#thread;
    // One that has ended, or does not end in time, is terminated.
    await worker.port
      .remoteWithin(STOP_MS, SSH_THREAD)
      .stop()
      .catch(() => undefined);
    worker.terminate();
  }

  async #start(): Promise<void> {
    const { spawn, secrets, log, answerTimeoutMs } = this.#options;
    const worker = new WorkerThread({
      worker: spawn(),
      name: "the SSH thread",
      errors: THREAD_ERRORS,
      log,
      ...(answerTimeoutMs !== undefined && { answerTimeoutMs }),
      ended: (cause) => {
        owner.releaseAll();
        if (this.#thread?.worker !== worker) return;
        this.#thread = undefined;
        if (!this.#isStopping) this.#replace(cause);
      },
    });
    const owner = new SshOwner(worker.port, this.#options);
    const { heartbeat } = worker;
    const limits = sshLimits(OpenSockets.open()?.limit ?? Number.POSITIVE_INFINITY);
    const start = async () => {
      const sshThread = worker.port.remote(SSH_THREAD);
      this.#hostKey ??= await secrets.secret("ssh_host_ed25519_key", () => sshThread.generateHostKey());
      return sshThread.start({ listen: this.#listen, hostKey: this.#hostKey, limits, heartbeat });
    };
    const started = await start().catch((error) => {
      worker.terminate();
      throw error;
    });
    if (started.kind === "failed") {
      worker.terminate();
      throw new ListenError("SSH", this.#listen, SSH_LISTEN_SETTING, started);
    }
    if (this.#isStopping) {
      worker.terminate();
      return;
    }
    this.#listen = started.address;
    this.#fingerprint = started.fingerprint;
    this.#thread = { worker, owner };
    this.#restartPause = RESTART_PAUSE_MS;
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
