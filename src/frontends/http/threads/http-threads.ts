import type { ServingThreads } from "../../../backends/oci-http/instances/instance-registry.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { CallPort, ThreadEndedError } from "../../../primitives/threads/call-port.ts";
import { BEAT_MS, Heartbeat, SilenceMeter } from "../../../primitives/threads/heartbeat.ts";
import type { SharedVersion } from "../../../primitives/threads/shared-version.ts";
import type { Certificate } from "../listen/certificates.ts";
import { limitsMemory, randomSeed } from "../listen/http-limits.ts";
import type { HttpAddresses, HttpSettings } from "../listen/http-settings.ts";
import type { HttpTraffic } from "../requests/http-traffic.ts";
import type { OwnerCalls, ThreadCalls } from "./thread-calls.ts";
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
  /** Makes what answers one thread's calls. */
  readonly owner: () => ThreadOwner;
  readonly log: Logger;
  /** How long a thread may not answer before it is replaced, in milliseconds. */
  readonly answerTimeoutMs?: number;
}

/** Longer than anything keeps a thread busy, or a slow disk holds it up, that will still get better. */
const ANSWER_TIMEOUT_MS = 10_000;

/** A thread that ends is replaced after this pause (ms), so that one that can't live does not keep the machine busy. */
const RESTART_PAUSE_MS = 200;

/** How much longer than for the requests under way a stop waits for a thread, before it is ended. */
const STOP_SLACK_MS = 2000;

interface Thread {
  readonly worker: Worker;
  readonly silence: SilenceMeter;
  /** Why it will have ended. */
  cause: unknown;
  isEnding?: boolean;
  readonly port: CallPort<OwnerCalls, ThreadCalls>;
}

/** Several threads that serve HTTP on one port. One that ends is reported and replaced; the others serve on. */
export class HttpThreads implements ServingThreads {
  readonly #options: HttpThreadsOptions;
  readonly #threads = new Set<Thread>();
  readonly #run = crypto.randomUUID();
  readonly #limits = { memory: limitsMemory(), seed: randomSeed() };
  #settings: HttpSettings;
  #certificates: readonly Certificate[];
  #isStopping = false;
  #watch: Timer | undefined;

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
      threads.#watch = setInterval(() => threads.#endSilent(), BEAT_MS);
      threads.#watch.unref();
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
        port.call("renewCertificates", certificates).catch((error) => {
          // What takes the place of a thread that has ended has the new ones.
          if (!(error instanceof ThreadEndedError)) throw error;
        }),
      ),
    );
  }

  changed(): void {
    this.#options.version.advance();
  }

  async settled(): Promise<void> {
    // A thread that has ended answers no request any more.
    await Promise.all([...this.#threads].map(({ port }) => port.call("settled").catch(() => undefined)));
  }

  /** Lets requests under way finish, for a while, and takes no new ones. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#watch);
    const timeout = this.#settings.stopTimeoutMs + STOP_SLACK_MS;
    await Promise.all(
      [...this.#threads].map(async ({ worker, port }) => {
        await Promise.race([port.call("stop").catch(() => undefined), Bun.sleep(timeout)]);
        worker.terminate();
      }),
    );
  }

  /** `index` counts from 0; a thread that takes the place of another has its index. */
  async #startThread(index: number): Promise<void> {
    const { spawn, owner, version, traffic, tokenKey, log } = this.#options;
    const worker = spawn();
    const calls = owner();
    const port = new CallPort<OwnerCalls, ThreadCalls>(
      calls,
      (items) => worker.postMessage(items),
      (name, error) => log.error(`the call ${name} of an HTTP thread failed`, error),
    );
    const heart = new Heartbeat();
    const thread: Thread = {
      worker,
      port,
      silence: new SilenceMeter(heart),
      cause: "it ended without an error",
    };
    worker.addEventListener("message", ({ data }) => port.receive(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      thread.cause = event.message;
    });
    worker.addEventListener("close", () => {
      this.#threads.delete(thread);
      port.end();
      calls.releaseAll();
      if (!this.#isStopping) this.#replace(index, thread.cause);
    });
    this.#threads.add(thread);
    try {
      const { plain, tls } = await port.call("start", {
        settings: this.#settings,
        certificates: this.#certificates,
        tokenKey,
        run: this.#run,
        version: version.memory,
        traffic: traffic.memory,
        thread: index,
        heartbeat: heart.memory,
        limits: this.#limits,
      });
      this.#settings = { ...this.#settings, listen: plain, listenTls: tls };
    } catch (error) {
      // It serves nothing; once it has ended, another one is tried.
      worker.terminate();
      throw error;
    }
  }

  /** Ends threads that do not answer; as they close, others take their places. */
  #endSilent(): void {
    const { answerTimeoutMs = ANSWER_TIMEOUT_MS } = this.#options;
    for (const thread of this.#threads) {
      if (thread.silence.look() < answerTimeoutMs || thread.isEnding) continue;
      thread.isEnding = true;
      thread.cause = `it has not answered for ${answerTimeoutMs / 1000} seconds`;
      thread.worker.terminate();
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
