import type { ListenAddress } from "../../primitives/net/listen-address.ts";
import type { KeptSecret } from "../../primitives/store/engine/secrets.ts";
import { type Remote, service } from "../../primitives/threads/service.ts";
import type { UserName } from "../../primitives/users/user.ts";
import type { SshLimits } from "./ssh-limits.ts";

/** A login that the owner keeps for a connection. */
export type LoginId = number & { readonly __brand: "LoginId" };

/** A console session, as both threads name it. */
export type SessionId = number & { readonly __brand: "SessionId" };

export interface AcceptedLogin {
  readonly id: LoginId;
  readonly user: UserName;
  readonly isAdministrator: boolean;
}

export type PasswordAnswer =
  | { readonly kind: "accepted"; readonly login: AcceptedLogin }
  | { readonly kind: "refused" }
  | { readonly kind: "limited"; readonly retryAfterSeconds: number };

/** In characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface SessionRequest {
  readonly login: LoginId;
  /** The client's address. */
  readonly remote: string;
  /** A command to run; a session of many without. */
  readonly command: string | undefined;
  /** Size of the terminal; `undefined` without one. */
  readonly size: TerminalSize | undefined;
}

/** What the thread that owns stores and users does for the one that serves SSH. */
export interface SshOwnerCalls {
  /** The key in OpenSSH format if it may log this user in; `blob` as in RFC 4253, section 6.6. */
  knownKey(username: string, blob: Uint8Array): Promise<string | undefined>;
  /** To be asked once a signature by the key was verified. */
  logInByKey(username: string, blob: Uint8Array): AcceptedLogin | undefined;
  logInByPassword(username: string, password: string, address: string): Promise<PasswordAnswer>;
  /** The connection of a login has ended. */
  forget(login: LoginId): void;
  /** Runs a session and answers its exit code once it has ended. */
  run(session: SessionId, request: SessionRequest): Promise<number>;
  resize(session: SessionId, size: TerminalSize): void;
  /** The client has closed the session. */
  hangUp(session: SessionId): void;
  log(level: "info" | "warn" | "error", message: string, cause?: string): void;
}

export interface SshSetup {
  readonly listen: ListenAddress;
  /** Ed25519, in OpenSSH format. */
  readonly hostKey: KeptSecret;
  readonly limits: SshLimits;
  /** Of the thread's `Heartbeat`. */
  readonly heartbeat: SharedArrayBuffer;
}

export type Started =
  | {
      readonly kind: "listening";
      readonly address: ListenAddress;
      /** Of the host key: `SHA256:…`. */
      readonly fingerprint: string;
    }
  | { readonly kind: "failed"; readonly code: string | undefined; readonly message: string };

/** What the thread that serves SSH does for the owner. */
export interface SshThreadCalls {
  /** Makes a host key, as only this thread loads ssh2. */
  generateHostKey(): Promise<Uint8Array<ArrayBuffer>>;
  start(setup: SshSetup): Promise<Started>;
  /** What the client sends next, a few KiB at most; `undefined` at the end of its input. */
  read(session: SessionId): Promise<Uint8Array | undefined>;
  /** Resolves when the client may be sent more. */
  write(session: SessionId, text: string, toError: boolean): Promise<void>;
  /** Ends the connection of a login that no longer holds, once its sessions have had time to say so. */
  endLogin(login: LoginId): void;
  stop(): Promise<void>;
}

export const SSH_OWNER = service<SshOwnerCalls>("SSH owner", {
  forget: true,
  resize: true,
  hangUp: true,
  log: true,
});
export const SSH_THREAD = service<SshThreadCalls>("SSH thread", { endLogin: true });

/** The owner, as the thread that serves SSH calls it. */
export type RemoteSshOwner = Remote<SshOwnerCalls>;
