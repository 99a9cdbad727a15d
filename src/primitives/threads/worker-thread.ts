import type { Logger } from "../logging/logger.ts";
import { CallPort } from "./call-port.ts";
import { BEAT_MS, Heartbeat, SilenceMeter } from "./heartbeat.ts";
import type { ErrorClasses } from "./packed-error.ts";

export interface WorkerThreadOptions {
  readonly worker: Worker;
  /** Name for the log, such as `the SSH thread`. */
  readonly name: string;
  readonly errors: ErrorClasses;
  readonly log: Logger;
  /** Milliseconds without a heartbeat after which the thread is terminated. */
  readonly answerTimeoutMs?: number;
  /** Called once, when the thread has ended for any reason. */
  readonly ended: (cause: unknown) => void;
}

/** Longer than any operation, even on a slow disk, blocks a thread that will recover. */
const ANSWER_TIMEOUT_MS = 10_000;

/** A worker thread from its parent's side: calls in both directions, and its end, also when it hangs. */
export class WorkerThread {
  readonly port: CallPort;
  readonly #worker: Worker;
  readonly #heart = new Heartbeat();
  readonly #silence = new SilenceMeter(this.#heart);
  readonly #answerTimeoutMs: number;
  readonly #watch: Timer;
  #cause: unknown = "it ended without an error";

  constructor({ worker, name, errors, log, answerTimeoutMs, ended }: WorkerThreadOptions) {
    this.#worker = worker;
    this.#answerTimeoutMs = answerTimeoutMs ?? ANSWER_TIMEOUT_MS;
    this.port = new CallPort({
      errors,
      post: (items) => worker.postMessage(items),
      onFailure: (call, error) => log.error(`the notice ${call} of ${name} failed`, error),
    });
    worker.addEventListener("message", ({ data }) => this.port.receive(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#cause = event.message;
    });
    worker.addEventListener("close", () => {
      clearInterval(this.#watch);
      this.port.end();
      ended(this.#cause);
    });
    this.#watch = setInterval(() => this.#endIfSilent(), BEAT_MS);
    this.#watch.unref();
  }

  /** Memory of the worker's `Heartbeat`, which begins when the worker is ready; its startup has no timeout. */
  get heartbeat(): SharedArrayBuffer {
    return this.#heart.memory;
  }

  /** Terminates the thread at once. */
  terminate(): void {
    this.#worker.terminate();
  }

  #endIfSilent(): void {
    if (this.#silence.look() < this.#answerTimeoutMs) return;
    clearInterval(this.#watch);
    this.#cause = `it has not answered for ${this.#answerTimeoutMs / 1000} seconds`;
    this.terminate();
  }
}
