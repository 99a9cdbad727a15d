/** What the threads that serve HTTP and the one that owns stores and users do for each other. */
import type { CommittedContent } from "../../../backends/oci-http/content/committed-content.ts";
import type { ServedInstance } from "../../../backends/oci-http/instances/running-instances.ts";
import type { StoreReports } from "../../../backends/oci-http/store/served-view.ts";
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

/** What a thread must know to serve, as of one version. */
export interface ServingState {
  readonly version: number;
  readonly users: readonly User[];
  readonly groups: readonly Group[];
  readonly instances: readonly ServedInstance[];
  /** Whether the registries are in service. */
  readonly isServing: boolean;
}

export interface OwnerCalls {
  /** Of its monotonic clock, in milliseconds. */
  now(): number;
  state(): ServingState;
  checkPassword(
    login: string,
    password: string,
    address: string,
    place: string | undefined,
  ): Promise<PasswordVerdict>;
  noteTokenUse(id: ApiTokenId): void;
  warnOnce(topic: string, message: string): void;
  log(level: "info" | "warn" | "error", message: string, cause?: string): void;
}

export interface ThreadSetup {
  readonly settings: HttpSettings;
  readonly certificates: readonly Certificate[];
  readonly tokenKey: Uint8Array;
  /** Tells this run of the program from others. */
  readonly run: string;
  /** Of the `SharedVersion` of the serving state. */
  readonly version: SharedArrayBuffer;
  /** Of the `HttpTraffic`, and which part of it is this thread's. */
  readonly traffic: SharedArrayBuffer;
  readonly thread: number;
  /** Of the thread's `Heartbeat`. */
  readonly heartbeat: SharedArrayBuffer;
  /** Of the `HttpLimits`. */
  readonly limits: { readonly memory: SharedArrayBuffer; readonly seed: number };
}

export interface ThreadCalls {
  /** Listens; resolves with the addresses. */
  start(setup: ThreadSetup): Promise<HttpAddresses>;
  renewCertificates(certificates: readonly Certificate[]): Promise<void>;
  /** Resolves once no request is answered by a configuration that was replaced before. */
  settled(): Promise<void>;
  /** Waits for the requests in progress. */
  stop(): Promise<void>;
}

/** Of each thread that serves HTTP. */
export const HTTP_THREAD = service<ThreadCalls>("HTTP thread");

/** These are the owner's; those of a store are called by its name. */
export const HTTP_OWNER = service<OwnerCalls>("owner", { noteTokenUse: true, warnOnce: true, log: true });
export const STORE_CHANGES = service<StoreChanges, [store: StoreName]>("changes");
export const STORE_REPORTS = service<StoreReports, [store: StoreName]>("reports", {
  onDamage: true,
  audit: true,
  onDatabaseDamage: true,
});
export const UPLOAD_LOCKS = service<Pick<UploadLocks, "acquire" | "release">, [store: StoreName]>("locks");
/** Of the view with that id. */
export const COMMITTED_CONTENT = service<CommittedContent, [store: StoreName, view: number]>("committed");
