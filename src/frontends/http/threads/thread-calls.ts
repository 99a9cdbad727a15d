import type { CommittedContent } from "../../../backends/oci-http/content/committed-content.ts";
import type { Damage } from "../../../backends/oci-http/content/damage.ts";
import type { ServedInstance } from "../../../backends/oci-http/instances/instance-registry.ts";
import type { StoreChanges } from "../../../backends/oci-http/store/store-changes.ts";
import type { Digest } from "../../../primitives/digest.ts";
import type { UploadId } from "../../../primitives/store/engine/upload-id.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import type { ApiTokenId } from "../../../primitives/users/api-token.ts";
import type { Group } from "../../../primitives/users/group.ts";
import type { PasswordVerdict } from "../../../primitives/users/password-checker.ts";
import type { User } from "../../../primitives/users/user.ts";
import type { Certificate } from "../listen/certificates.ts";
import type { HttpAddresses, HttpSettings } from "../listen/http-settings.ts";

/** What it takes to serve, as of one version. */
export interface ServingState {
  readonly version: number;
  readonly users: readonly User[];
  readonly groups: readonly Group[];
  readonly instances: readonly ServedInstance[];
  /** Whether the registries are in service. */
  readonly isServing: boolean;
}

type OfStore<F> = F extends (...args: infer A) => infer R ? (store: StoreName, ...args: A) => R : never;

/** What a thread that serves HTTP asks of the one that owns stores and users. */
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
  readonly putManifest: OfStore<StoreChanges["putManifest"]>;
  readonly deleteManifest: OfStore<StoreChanges["deleteManifest"]>;
  readonly admit: OfStore<StoreChanges["admit"]>;
  readonly linkBlob: OfStore<StoreChanges["linkBlob"]>;
  readonly unlinkBlob: OfStore<StoreChanges["unlinkBlob"]>;
  /** False if another request holds it. */
  acquireUpload(store: StoreName, id: UploadId): boolean;
  releaseUpload(store: StoreName, id: UploadId): void;
  auditBlob(store: StoreName, digest: Digest): void;
  reportDamage(store: StoreName, digest: Digest): void;
  /** Of the databases that the view with this id is read from. */
  reportDatabaseDamage(store: StoreName, view: number, damage: Damage): void;
  committedManifest(
    store: StoreName,
    view: number,
    ...reference: Parameters<CommittedContent["manifest"]>
  ): ReturnType<CommittedContent["manifest"]>;
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

/** What the owner asks of a thread that serves HTTP. */
export interface ThreadCalls {
  /** Listens, and answers where. */
  start(setup: ThreadSetup): Promise<HttpAddresses>;
  renewCertificates(certificates: readonly Certificate[]): Promise<void>;
  /** Resolves once no request is answered by a configuration that was replaced before. */
  settled(): Promise<void>;
  /** Lets the requests under way finish. */
  stop(): Promise<void>;
}
