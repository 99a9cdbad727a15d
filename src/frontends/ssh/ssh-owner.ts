import type { AdminConsole } from "../../backends/admin-ssh/admin-console.ts";
import type { OtherNodes } from "../../backends/administration/configuration-follower.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import type { CallPort } from "../../primitives/threads/call-port.ts";
import type { Authenticator } from "../../primitives/users/authenticator.ts";
import { type ConsoleLogin, whyEnded } from "../../primitives/users/console-login.ts";
import type { SshPublicKey } from "../../primitives/users/ssh-key.ts";
import {
  parseUserName,
  passwordHashes,
  sshKeys,
  type User,
  type UserName,
} from "../../primitives/users/user.ts";
import type { UserDirectory } from "../../primitives/users/user-directory.ts";
import { RemoteChannel } from "./remote-channel.ts";
import {
  type AcceptedLogin,
  type LoginId,
  type PasswordAnswer,
  type SessionId,
  type SessionRequest,
  SSH_OWNER,
  SSH_THREAD,
  type SshOwnerCalls,
  type TerminalSize,
} from "./ssh-calls.ts";

export interface SshServices {
  readonly authenticator: Authenticator;
  readonly users: () => UserDirectory;
  readonly console: Pick<AdminConsole, "session" | "execute">;
  /** `undefined` where no other node uses the storage. */
  readonly others?: OtherNodes | undefined;
  readonly log: Logger;
}

interface OpenSession {
  readonly login: ConsoleLogin;
  readonly channel: RemoteChannel;
}

const FAILED = 1;
/** Commands of a user that run at once, those whose client has gone included. */
const MAX_RUNNING = 32;

/** Serves what the SSH thread calls on the thread that owns stores and users: keeps the logins and runs the console. */
export class SshOwner implements SshOwnerCalls {
  readonly #services: SshServices;
  readonly #port: CallPort;
  readonly #logins = new Map<LoginId, ConsoleLogin>();
  readonly #sessions = new Map<SessionId, OpenSession>();
  /** Consoles that run, by user: also those whose session has ended in the middle of a command. */
  readonly #running = new Map<UserName, number>();
  #lastLogin = 0;

  constructor(port: CallPort, services: SshServices) {
    this.#services = services;
    this.#port = port;
    port.serve(SSH_OWNER, () => this);
  }

  async knownKey(username: string, blob: Uint8Array): Promise<SshPublicKey | undefined> {
    await this.#refresh();
    return this.#keyOf(this.#user(username), blob);
  }

  logInByKey(username: string, blob: Uint8Array): AcceptedLogin | undefined {
    const user = this.#user(username);
    const key = this.#keyOf(user, blob);
    return user && key ? this.#accept({ user: user.name, by: { kind: "key", key } }) : undefined;
  }

  async logInByPassword(username: string, password: string, address: string): Promise<PasswordAnswer> {
    await this.#refresh();
    const result = await this.#services.authenticator.login({
      login: username,
      password,
      address: () => address,
      place: "the console",
      // What a robot has never opens the console.
      acceptsApiTokens: false,
    });
    if (result.kind !== "accepted") return result;
    const { user } = result;
    const by = { kind: "password", hashes: passwordHashes(user) } as const;
    return { kind: "accepted", login: this.#accept({ user: user.name, by }) };
  }

  /** Logins count as other nodes have left them; while the storage is away, as this node knows them. */
  async #refresh(): Promise<void> {
    await this.#services.others?.refresh()?.catch(() => undefined);
  }

  forget(login: LoginId): void {
    this.#logins.delete(login);
  }

  async run(id: SessionId, request: SessionRequest): Promise<number> {
    const login = this.#logins.get(request.login);
    if (!login) return FAILED;
    const { console, log } = this.#services;
    const channel = new RemoteChannel(id, request, this.#port);
    if ((this.#running.get(login.user) ?? 0) >= MAX_RUNNING) {
      await channel.lastWords(`${MAX_RUNNING} commands of '${login.user}' run already; try again later`);
      return FAILED;
    }
    this.#sessions.set(id, { login, channel });
    this.#endIfDue(login, channel);
    this.#count(login.user, 1);
    const running = (
      request.command === undefined
        ? console.session(login, channel)
        : console.execute(login, request.command, channel)
    )
      .catch((error) => {
        log.error("a console session failed", error);
        return FAILED;
      })
      .finally(() => this.#count(login.user, -1));
    try {
      // A command may go on after its session has ended; nobody waits for it then.
      const code = await Promise.race([running, channel.closed]);
      if (channel.reason === undefined) return code ?? FAILED;
      await channel.lastWords(channel.reason);
      // A command that came to its end has an outcome of its own.
      return request.command === undefined ? FAILED : (code ?? FAILED);
    } finally {
      this.#sessions.delete(id);
      channel.close();
    }
  }

  resize(session: SessionId, size: TerminalSize): void {
    this.#sessions.get(session)?.channel.resize(size);
  }

  hangUp(session: SessionId): void {
    this.#sessions.get(session)?.channel.close();
  }

  log(level: "info" | "warn" | "error", message: string, cause?: string): void {
    const { log } = this.#services;
    if (level === "error") log.error(message, cause);
    else log[level](message);
  }

  /** Ends the sessions and connections whose user or credential is no more. */
  usersChanged(): void {
    for (const { login, channel } of this.#sessions.values()) this.#endIfDue(login, channel);
    const thread = this.#port.remote(SSH_THREAD);
    for (const [id, login] of this.#logins)
      if (whyEnded(login, this.#services.users()) !== undefined) thread.endLogin(id);
  }

  /** The thread has ended, and its clients with it. */
  releaseAll(): void {
    for (const { channel } of this.#sessions.values()) channel.close();
    this.#sessions.clear();
    this.#logins.clear();
  }

  #endIfDue(login: ConsoleLogin, channel: RemoteChannel): void {
    const why = whyEnded(login, this.#services.users());
    if (why === undefined || channel.reason !== undefined) return;
    const { log } = this.#services;
    log.info(`the console session of '${login.user}' from ${channel.remote} has ended: ${why}`);
    channel.end(`the session has ended: ${why}`);
  }

  #count(user: UserName, change: number): void {
    const running = (this.#running.get(user) ?? 0) + change;
    if (running > 0) this.#running.set(user, running);
    else this.#running.delete(user);
  }

  #accept(login: ConsoleLogin): AcceptedLogin {
    const id = ++this.#lastLogin as LoginId;
    this.#logins.set(id, login);
    return { id, user: login.user, isAdministrator: this.#services.users().isAdministrator(login.user) };
  }

  /** Who may log in. */
  #user(username: string): User | undefined {
    const name = parseUserName(username);
    const user = name && this.#services.users().get(name);
    return user?.isDisabled ? undefined : user;
  }

  #keyOf(user: User | undefined, blob: Uint8Array): SshPublicKey | undefined {
    if (!user) return undefined;
    const encoded = ` ${Buffer.from(blob).toString("base64")}`;
    return sshKeys(user).find(({ key }) => key.endsWith(encoded))?.key;
  }
}
