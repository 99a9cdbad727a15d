/** The calls between the worker threads that serve HTTP and the main thread, which owns stores and users. */
import type { CommittedContent } from "../../../backends/oci-http/content/committed-content.ts";
import type { HistoryFeed } from "../../../backends/oci-http/feed/history-feed.ts";
import type { ServedInstance } from "../../../backends/oci-http/instances/running-instances.ts";
import type { MirrorCalls } from "../../../backends/oci-http/mirror/mirror-calls.ts";
import type { StoreOwner, StoreReports } from "../../../backends/oci-http/store/served-view.ts";
import type { StoreChanges } from "../../../backends/oci-http/store/store-changes.ts";
import type { UploadLocks } from "../../../primitives/store/engine/uploads.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import { service } from "../../../primitives/threads/service.ts";
import type { ApiTokenId } from "../../../primitives/users/api-token.ts";
import type { Group } from "../../../primitives/users/group.ts";
import type { PasswordVerdict } from "../../../primitives/users/password-checker.ts";
import type { User } from "../../../primitives/users/user.ts";
import type { Certificate } from "../listen/certificates.ts";
import type { HttpAddresses, HttpSettings } from "../listen/http-settings.ts";

/** The state that a thread serves, as of one version. */
export interface ServingState {
  readonly version: number;
  readonly users: readonly User[];
  readonly groups: readonly Group[];
  readonly instances: readonly ServedInstance[];
  /** Whether the registries are in service. */
  readonly isServing: boolean;
  /** Whether the pages are in service. */
  readonly servesPages: boolean;
}

export interface OwnerCalls {
  /** The main thread's monotonic clock, in milliseconds. */
  now(): number;
  state(): ServingState;
  /** See `OtherNodes`. */
  refreshConfiguration(): Promise<void>;
  checkPassword(
    login: string,
    password: string,
    address: string,
    place: string | undefined,
  ): Promise<PasswordVerdict>;
  noteTokenUse(id: ApiTokenId): void;
  warnOnce(topic: string, message: string): void;
  noteUnknownHost(host: string, remote: string): void;
  log(level: "info" | "warn" | "error", message: string, cause?: string): void;
}

export interface ThreadSetup {
  readonly settings: HttpSettings;
  readonly certificates: readonly Certificate[];
  readonly tokenKey: Uint8Array;
  /** Identifies this run of the program. */
  readonly run: string;
  /** Memory of the `SharedVersion` of the serving state. */
  readonly version: SharedArrayBuffer;
  /** Memory of the `HttpTraffic`, and the index of this thread's part. */
  readonly traffic: SharedArrayBuffer;
  readonly thread: number;
  /** Whether other nodes use the storage. */
  readonly hasNodes: boolean;
  /** Memory of the thread's `Heartbeat`. */
  readonly heartbeat: SharedArrayBuffer;
  /** Memory of the `HttpLimits`. */
  readonly limits: { readonly memory: SharedArrayBuffer; readonly seed: number };
}

export interface ThreadCalls {
  /** Starts listening; resolves with the addresses. */
  start(setup: ThreadSetup): Promise<HttpAddresses>;
  renewCertificates(certificates: readonly Certificate[]): Promise<void>;
  /** Resolves when no request is handled with a configuration replaced before the call. */
  settled(): Promise<void>;
  /** Stops accepting, and waits for the requests in progress. */
  stop(): Promise<void>;
}

/** The calls to each worker thread that serves HTTP. */
export const HTTP_THREAD = service<ThreadCalls>("HTTP thread");

/** The calls to the main thread; calls to a store are named after the store. */
export const HTTP_OWNER = service<OwnerCalls>("owner", {
  noteTokenUse: true,
  warnOnce: true,
  noteUnknownHost: true,
  log: true,
});
export const STORE_CHANGES = service<StoreChanges, [store: StoreName]>("changes");
export const STORE_REPORTS = service<StoreReports, [store: StoreName]>("reports", {
  onDamage: true,
  audit: true,
  notePulls: true,
  onDatabaseDamage: true,
});
/** `StoreView.refresh` of the store's newest state. */
export const STORE_FRESHNESS = service<Pick<StoreOwner, "refresh">, [store: StoreName]>("freshness");
/** What registries with an upstream fetch. */
export const MIRRORS = service<MirrorCalls>("mirrors", { noteHits: true });
/** The history of the store, for replicas. */
export const STORE_FEED = service<HistoryFeed, [store: StoreName]>("feed");
export const UPLOAD_LOCKS = service<Pick<UploadLocks, "acquire" | "release">, [store: StoreName]>("locks");
/** The committed content of the view with that id. */
export const COMMITTED_CONTENT = service<CommittedContent, [store: StoreName, view: number]>("committed");
