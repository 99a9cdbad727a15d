import type { BackendSwitch } from "../../../backends/backend-switch.ts";
import type { InstanceRegistry } from "../../../backends/oci-http/instances/instance-registry.ts";
import type { OciStore } from "../../../backends/oci-http/store/oci-store.ts";
import type { Digest } from "../../../primitives/digest.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import type { WarnOnce } from "../../../primitives/logging/warn-once.ts";
import { monotonicMs } from "../../../primitives/monotonic-clock.ts";
import type { UploadId } from "../../../primitives/store/engine/upload-id.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import type { SharedVersion } from "../../../primitives/threads/shared-version.ts";
import type { PasswordChecker } from "../../../primitives/users/password-checker.ts";
import type { TokenUses } from "../../../primitives/users/token-uses.ts";
import type { UserRegistry } from "../../../primitives/users/user-registry.ts";
import type { OwnerCalls, ServingState } from "./thread-calls.ts";

export interface OwnerServices {
  readonly instances: InstanceRegistry;
  readonly users: UserRegistry;
  readonly passwords: PasswordChecker;
  readonly backends: BackendSwitch;
  readonly tokenUses: TokenUses;
  readonly version: SharedVersion;
  readonly once: WarnOnce;
  readonly log: Logger;
}

/** Answers what one thread that serves HTTP asks of the owner, and remembers what it holds. */
export class ThreadOwner implements OwnerCalls {
  readonly #services: OwnerServices;
  readonly #held = new Map<UploadId, OciStore>();

  constructor(services: OwnerServices) {
    this.#services = services;
  }

  now(): number {
    return monotonicMs();
  }

  state(): ServingState {
    const { instances, users, backends, version } = this.#services;
    const { directory } = users;
    return {
      version: version.current,
      users: directory.list(),
      groups: directory.groups(),
      instances: instances.served(),
      isServing: backends.isEnabled("oci-http"),
    };
  }

  checkPassword: OwnerCalls["checkPassword"] = (...args) => this.#services.passwords.check(...args);
  noteTokenUse: OwnerCalls["noteTokenUse"] = (id) => this.#services.tokenUses.note(id);
  putManifest: OwnerCalls["putManifest"] = (store, ...args) => this.#changes(store).putManifest(...args);
  deleteManifest: OwnerCalls["deleteManifest"] = (store, ...args) =>
    this.#changes(store).deleteManifest(...args);
  admit: OwnerCalls["admit"] = (store, ...args) => this.#changes(store).admit(...args);
  linkBlob: OwnerCalls["linkBlob"] = (store, ...args) => this.#changes(store).linkBlob(...args);
  unlinkBlob: OwnerCalls["unlinkBlob"] = (store, ...args) => this.#changes(store).unlinkBlob(...args);

  acquireUpload(name: StoreName, id: UploadId): boolean {
    const store = this.#store(name);
    const isAcquired = store.locks.acquire(id);
    if (isAcquired) this.#held.set(id, store);
    return isAcquired;
  }

  releaseUpload(_name: StoreName, id: UploadId): void {
    this.#held.get(id)?.locks.release(id);
    this.#held.delete(id);
  }

  auditBlob(store: StoreName, digest: Digest): void {
    this.#store(store).audit(digest);
  }

  reportDamage(store: StoreName, digest: Digest): void {
    this.#store(store).onDamage(digest);
  }

  reportDatabaseDamage: OwnerCalls["reportDatabaseDamage"] = (store, ...args) =>
    this.#store(store).heal(...args);
  committedManifest: OwnerCalls["committedManifest"] = (store, view, ...args) =>
    this.#store(store)
      .committedIn(view)
      .manifest(...args);

  warnOnce(topic: string, message: string): void {
    this.#services.once.warn(topic, message);
  }

  log(level: "info" | "warn" | "error", message: string, cause?: string): void {
    if (level === "error") this.#services.log.error(message, cause);
    else this.#services.log[level](message);
  }

  /** For a thread that has ended: lets go of all that it held. */
  releaseAll(): void {
    for (const [id, store] of this.#held) store.locks.release(id);
    this.#held.clear();
  }

  #changes(name: StoreName) {
    return this.#store(name).changes;
  }

  #store(name: StoreName): OciStore {
    const store = this.#services.instances.openStore(name);
    if (!store) throw new Error(`the store '${name}' is not open`);
    return store;
  }
}
