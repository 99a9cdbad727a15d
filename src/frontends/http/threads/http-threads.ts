import type { ServingThreads } from "../../../backends/oci-http/instances/running-instances.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { type CallPort, ThreadEndedError } from "../../../primitives/threads/call-port.ts";
import type { SharedVersion } from "../../../primitives/threads/shared-version.ts";
import { WorkerThread } from "../../../primitives/threads/worker-thread.ts";
import { THREAD_ERRORS } from "../../thread-errors.ts";
import type { Certificate } from "../listen/certificates.ts";
import { limitsMemory, randomSeed } from "../listen/http-limits.ts";
import type { HttpAddresses, HttpSettings } from "../listen/http-settings.ts";
import type { HttpTraffic } from "../requests/http-traffic.ts";
import { HTTP_THREAD } from "./thread-calls.ts";
import type { ThreadOwner } from "./thread-owner.ts";

export interface HttpThreadsOptions {
  readonly settings: HttpSettings;
  readonly certificates: readonly Certificate[];
  readonly count: number;
  readonly tokenKey: Uint8Array;
  readonly version: SharedVersion;
  /** With a part for each thread. */
  readonly traffic: HttpTraffic;
  /** Makes a thread that runs `http-worker.ts`. */
  readonly spawn: () => Worker;
  /** Serves what one thread calls over its port. */
  readonly owner: (port: CallPort) => ThreadOwner;
  readonly log: Logger;
  /** How long a thread may not answer before it is replaced, in milliseconds. */
  readonly answerTimeoutMs?: number;
}

/** A thread that ends is replaced after this pause (ms), so that one that can't live does not keep the machine busy. */
const RESTART_PAUSE_MS = 200;

/** How much longer than for the requests under way a stop waits for a thread, before it is ended. */
const STOP_SLACK_MS = 2000;

/** Several threads that serve HTTP on one port. One that ends is reported and replaced; the others serve on. */
export class HttpThreads implements ServingThreads {
  readonly #options: HttpThreadsOptions;
  readonly #threads = new Set<WorkerThread>();
  readonly #run = crypto.randomUUID();
  readonly #limits = { memory: limitsMemory(), seed: randomSeed() };
  #settings: HttpSettings;
  #certificates: readonly Certificate[];
  #isStopping = false;

  private constructor(options: HttpThreadsOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#certificates = options.certificates;
  }

  /** The port must be free: sharing it among threads would also let another server share it. */
  static async start(options: HttpThreadsOptions): Promise<HttpThreads> {
    const threads = new HttpThreads(options);
    try {
      // The first one finds the port out, if the system is to choose it.
      await threads.#startThread(0);
      await Promise.all(Array.from({ length: options.count - 1 }, (_, i) => threads.#startThread(i + 1)));
      return threads;
    } catch (error) {
      await threads.stop();
      throw error;
    }
  }

  get addresses(): HttpAddresses {
    return { plain: this.#settings.listen, tls: this.#settings.listenTls };
  }

  async renewCertificates(certificates: readonly Certificate[]): Promise<void> {
    this.#certificates = certificates;
    await Promise.all(
      [...this.#threads].map(({ port }) =>
        port
          .remote(HTTP_THREAD)
          .renewCertificates(certificates)
          .catch((error) => {
            // The thread that replaces one that has ended starts with the new ones.
            if (!(error instanceof ThreadEndedError)) throw error;
          }),
      ),
    );
  }

  changed(): void {
    this.#options.version.advance();
  }

  async settled(): Promise<void> {
    // A thread that has ended has no requests to wait for.
    const settle = ({ port }: WorkerThread) => port.remote(HTTP_THREAD).settled();
    await Promise.all([...this.#threads].map((thread) => settle(thread).catch(() => undefined)));
  }

  /** Stops accepting, and waits up to the stop timeout for requests in progress. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const timeout = this.#settings.stopTimeoutMs + STOP_SLACK_MS;
    await Promise.all(
      [...this.#threads].map(async (thread) => {
        // One that has ended, or does not end in time, is terminated.
        await thread.port
          .remoteWithin(timeout, HTTP_THREAD)
          .stop()
          .catch(() => undefined);
        thread.terminate();
      }),
    );
  }

  /** `index` counts from 0; a thread that takes the place of another has its index. */
  async #startThread(index: number): Promise<void> {
    const { spawn, owner, version, traffic, tokenKey, log, answerTimeoutMs } = this.#options;
    const thread = new WorkerThread({
      worker: spawn(),
      name: "an HTTP thread",
      errors: THREAD_ERRORS,
      log,
      ...(answerTimeoutMs !== undefined && { answerTimeoutMs }),
      ended: (cause) => {
        this.#threads.delete(thread);
        calls.releaseAll();
        if (!this.#isStopping) this.#replace(index, cause);
      },
    });
    const calls = owner(thread.port);
    this.#threads.add(thread);
    try {
      const { plain, tls } = await thread.port.remote(HTTP_THREAD).start({
        settings: this.#settings,
        certificates: this.#certificates,
        tokenKey,
        run: this.#run,
        version: version.memory,
        traffic: traffic.memory,
        thread: index,
        heartbeat: thread.heartbeat,
        limits: this.#limits,
      });
      this.#settings = { ...this.#settings, listen: plain, listenTls: tls };
    } catch (error) {
      // It serves nothing; once it has ended, another one is tried.
      thread.terminate();
      throw error;
    }
  }

  #replace(index: number, cause: unknown): void {
    this.#options.traffic.threadReplaced();
    this.#options.log.error("an HTTP thread has ended and is replaced", cause);
    setTimeout(() => {
      if (this.#isStopping) return;
      this.#startThread(index).catch((error) => {
        if (!this.#isStopping) this.#options.log.error("an HTTP thread could not be started", error);
      });
    }, RESTART_PAUSE_MS);
  }
}
