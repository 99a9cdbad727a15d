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
  /** Whether other nodes use the storage. */
  readonly hasNodes: boolean;
  /** Counters, with a part for each thread. */
  readonly traffic: HttpTraffic;
  /** Creates a worker thread that runs `http-worker.ts`. */
  readonly spawn: () => Worker;
  /** Serves the calls that one worker thread makes over its port. */
  readonly owner: (port: CallPort) => ThreadOwner;
  readonly log: Logger;
  /** A worker thread that does not answer for this time (ms) is replaced. */
  readonly answerTimeoutMs?: number;
}

/** Pause (ms) before an ended thread is replaced, so that a thread that always fails does not keep the machine busy. */
const RESTART_PAUSE_MS = 200;

/** Extra time (ms) that a stop waits for a thread beyond the stop timeout, before it terminates the thread. */
const STOP_SLACK_MS = 2000;

/** Several worker threads that serve HTTP on one port. One that ends is logged and replaced; the others keep serving. */
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
      // The first thread learns the port if the system chooses it.
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
            // A thread that replaces an ended one starts with the new certificates.
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
        // A thread that does not stop in time, or has failed, is terminated.
        await thread.port
          .remoteWithin(timeout, HTTP_THREAD)
          .stop()
          .catch(() => undefined);
        thread.terminate();
      }),
    );
  }

  /** `index` counts from 0; a replacement thread has the index of the old one. */
  async #startThread(index: number): Promise<void> {
    const { spawn, owner, version, hasNodes, traffic, tokenKey, log, answerTimeoutMs } = this.#options;
    const thread = new WorkerThread({
      worker: made(spawn),
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
        hasNodes,
        heartbeat: thread.heartbeat,
        limits: this.#limits,
      });
      this.#settings = { ...this.#settings, listen: plain, listenTls: tls };
    } catch (error) {
      // The thread failed to start; its end starts another attempt.
      thread.terminate();
      throw error;
    }
  }

  #replace(index: number, cause: unknown): void {
    this.#options.traffic.threadReplaced();
    this.#options.log.error("an HTTP thread has ended and is replaced", cause);
    this.#startLater(index);
  }

  #startLater(index: number): void {
    setTimeout(() => {
      if (this.#isStopping) return;
      this.#startThread(index).catch((error) => {
        if (this.#isStopping) return;
        this.#options.log.error("an HTTP thread could not be started", error);
        // Only a thread that was made has an end that starts another attempt.
        if (error instanceof SpawnError) this.#startLater(index);
      });
    }, RESTART_PAUSE_MS);
  }
}

/** The system could not make a thread. */
class SpawnError extends Error {}

function made(spawn: () => Worker): Worker {
  try {
    return spawn();
  } catch (cause) {
    throw new SpawnError("the system made no thread", { cause });
  }
}
