import { ExpectedError } from "../../../../expected-error.ts";
import type { Release } from "../../../../release.ts";
import { CorruptObjectError } from "../../../git/object.ts";
import type { ObjectId } from "../../../git/object-id.ts";
import type { Branch, BranchMove } from "../../branch.ts";
import type { StoreLog } from "./store-log.ts";

/** Other nodes moved the branch again and again. */
export class ContendedBranchError extends ExpectedError {
  override readonly name = "ContendedBranchError";
  override readonly kind = "busy";
  constructor() {
    super("other nodes change this store all the time; try again");
  }
}

/** The branch of a store in an object store: where the newest entry of the log has moved it. */
export class S3Branch implements Branch {
  readonly #log: StoreLog;

  constructor(log: StoreLog) {
    this.#log = log;
  }

  async read(): Promise<ObjectId | undefined> {
    return this.#log.head;
  }

  async refresh(): Promise<ObjectId | undefined> {
    await this.#log.refresh();
    return this.#log.head;
  }

  publish(move: BranchMove): Promise<boolean> {
    return this.#log.publish(move);
  }

  /** The log has no work of its own between moves. */
  whenReady(): undefined {
    return undefined;
  }

  watch(moved: () => void): Release {
    return this.#log.onMoved(moved);
  }

  contended(): Error {
    return new ContendedBranchError();
  }

  lost(newest: ObjectId): Error {
    return new CorruptObjectError(
      "the log in the object store",
      `it lacks the commit ${newest}, which it had`,
    );
  }

  async close(): Promise<void> {
    await this.#log.close();
  }
}
