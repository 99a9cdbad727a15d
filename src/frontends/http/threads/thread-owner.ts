import type { MirrorCalls } from "../../../backends/oci-http/mirror/mirror-calls.ts";
import type { OciStore } from "../../../backends/oci-http/store/oci-store.ts";
import { WEB, type WebCalls } from "../../../backends/web/requests/web-calls.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { monotonicMs } from "../../../primitives/monotonic-clock.ts";
import type { UploadId } from "../../../primitives/store/engine/upload-id.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import type { CallPort } from "../../../primitives/threads/call-port.ts";
import {
  COMMITTED_CONTENT,
  HTTP_OWNER,
  MIRRORS,
  type OwnerCalls,
  type ServingState,
  STORE_CHANGES,
  STORE_FEED,
  STORE_FRESHNESS,
  STORE_REPORTS,
  UPLOAD_LOCKS,
} from "./thread-calls.ts";

export interface OwnerServices
  extends Pick<
    OwnerCalls,
    "refreshConfiguration" | "checkPassword" | "noteTokenUse" | "warnOnce" | "noteUnknownHost"
  > {
  state(): ServingState;
  readonly web: WebCalls;
  readonly mirrors: MirrorCalls;
  /** Returns `undefined` for a store that is not open. */
  openStore(name: StoreName): OciStore | undefined;
  readonly log: Logger;
}

/** Serves the calls of one worker thread on the main thread, and tracks the locks that the worker holds. */
export class ThreadOwner {
  readonly #services: OwnerServices;
  readonly #held = new Map<UploadId, OciStore>();

  constructor(port: CallPort, services: OwnerServices) {
    this.#services = services;
    const { log } = services;
    port.serve(HTTP_OWNER, () => ({
      now: monotonicMs,
      state: () => services.state(),
      refreshConfiguration: () => services.refreshConfiguration(),
      checkPassword: (...args) => services.checkPassword(...args),
      noteTokenUse: (id) => services.noteTokenUse(id),
      warnOnce: (...args) => services.warnOnce(...args),
      noteUnknownHost: (...args) => services.noteUnknownHost(...args),
      log: (level, message, cause) => (level === "error" ? log.error(message, cause) : log[level](message)),
    }));
    port.serve(WEB, () => services.web);
    port.serve(MIRRORS, () => services.mirrors);
    port.serve(STORE_CHANGES, (name) => this.#store(name).changes);
    port.serve(UPLOAD_LOCKS, (name) => ({
      acquire: (id) => this.#acquire(this.#store(name), id),
      release: (id) => this.#release(id),
    }));
    port.serve(STORE_REPORTS, (name) => {
      const store = this.#store(name);
      return {
        onDamage: (digest) => store.onDamage(digest),
        audit: (digest) => store.audit(digest),
        notePulls: (pulls) => store.pulls.times.add(pulls),
        onDatabaseDamage: (...args) => store.heal(...args),
      };
    });
    port.serve(STORE_FRESHNESS, (name) => ({ refresh: async () => this.#store(name).refresh() }));
    port.serve(STORE_FEED, (name) => this.#store(name).feed);
    port.serve(COMMITTED_CONTENT, (name, view) => this.#store(name).committedIn(view));
  }

  /** Called when the worker thread has ended: releases everything it held. */
  releaseAll(): void {
    for (const [id, store] of this.#held) store.locks.release(id);
    this.#held.clear();
  }

  #acquire(store: OciStore, id: UploadId): boolean {
    const isAcquired = store.locks.acquire(id);
    if (isAcquired) this.#held.set(id, store);
    return isAcquired;
  }

  #release(id: UploadId): void {
    this.#held.get(id)?.locks.release(id);
    this.#held.delete(id);
  }

  #store(name: StoreName): OciStore {
    const store = this.#services.openStore(name);
    if (!store) throw new Error(`the store '${name}' is not open`);
    return store;
  }
}
