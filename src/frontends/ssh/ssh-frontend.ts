import type { AddressInfo } from "node:net";
import ssh2, { type AuthContext, type Connection } from "ssh2";
import type { AdminConsole } from "../../backends/admin-ssh/admin-console.ts";
import { formatListenAddress, type ListenAddress } from "../../primitives/listen-address.ts";
import type { Logger } from "../../primitives/logger.ts";
import type { Authenticator } from "../../primitives/users/authenticator.ts";
import type { UserName } from "../../primitives/users/user.ts";
import type { UserDirectory } from "../../primitives/users/user-directory.ts";
import { ListenError } from "../listen-error.ts";
import { keyOwner } from "./key-login.ts";
import { serveSession } from "./ssh-session.ts";

export interface SshFrontendOptions {
  readonly listen: ListenAddress;
  readonly hostKey: string;
  readonly authenticator: Authenticator;
  readonly users: () => UserDirectory;
  /** Seconds until a login from an address may be tried again; 0 if it may now. */
  readonly lockedFor: (login: string, address: string) => number;
  readonly console: AdminConsole;
  readonly log: Logger;
}

export const SSH_LISTEN_SETTING = "frontend-ssh-listen";

/** A connection that has not logged in by then is closed, as OpenSSH's LoginGraceTime does. */
const LOGIN_GRACE_MS = 60_000;
const MAX_LOGIN_ATTEMPTS = 6;
/** Connections at once; a flood beyond it is turned away. */
const MAX_CONNECTIONS = 128;
const METHODS = ["publickey", "keyboard-interactive", "password"] as const;

/** Serves the admin console over SSH. Nothing that a client sends ends more than its own connection. */
export class SshFrontend {
  readonly #options: SshFrontendOptions;
  readonly #server: ssh2.Server;
  readonly #connections = new Set<Connection>();

  private constructor(options: SshFrontendOptions) {
    this.#options = options;
    this.#server = new ssh2.Server({ hostKeys: [options.hostKey], ident: "Everlock" }, (client, info) =>
      this.#accept(client, info.ip),
    );
  }

  /** Rejects with `ListenError`. */
  static async start(options: SshFrontendOptions): Promise<SshFrontend> {
    const frontend = new SshFrontend(options);
    const { hostname, port } = options.listen;
    await new Promise<void>((resolve, reject) => {
      frontend.#server.once("error", (error: unknown) =>
        reject(new ListenError("SSH", options.listen, SSH_LISTEN_SETTING, error)),
      );
      frontend.#server.listen(port, hostname, resolve);
    });
    frontend.#server.on("error", (error: unknown) => options.log.error("the SSH listener failed", error));
    return frontend;
  }

  get address(): ListenAddress {
    const { port } = this.#server.address() as AddressInfo;
    return { hostname: this.#options.listen.hostname, port };
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const client of this.#connections) client.end();
    await Promise.race([closed, Bun.sleep(1000)]);
  }

  #accept(client: Connection, remote: string): void {
    // Broken handshakes and resets arrive here; without a handler they would end the process.
    client.on("error", () => undefined);
    if (this.#connections.size >= MAX_CONNECTIONS) {
      this.#options.log.warn(`SSH connection from ${remote} turned away: ${MAX_CONNECTIONS} are open`);
      client.end();
      return;
    }
    this.#connections.add(client);
    const grace = setTimeout(() => client.end(), LOGIN_GRACE_MS);
    client.on("close", () => {
      clearTimeout(grace);
      this.#connections.delete(client);
    });

    let user: UserName | undefined;
    let attempts = 0;
    client.on("authentication", (context) => {
      this.#authenticate(context, remote)
        .then((accepted) => {
          user = accepted;
          if (accepted) return context.accept();
          // A client offers one key after the other: only what it is sure of counts.
          if (this.#lockedFor(context, remote) > 0) return context.reject([]);
          const isOffer = context.method === "none" || (context.method === "publickey" && !context.signature);
          if (!isOffer && ++attempts >= MAX_LOGIN_ATTEMPTS) client.end();
          else context.reject([...METHODS]);
        })
        .catch((error) => {
          this.#options.log.error("an SSH login failed", error);
          client.end();
        });
    });
    client.on("ready", () => {
      clearTimeout(grace);
      client.on("session", (accept) => {
        if (user) serveSession(accept(), { user, remote }, this.#options.console, this.#options.log);
      });
    });
  }

  async #authenticate(context: AuthContext, remote: string): Promise<UserName | undefined> {
    if (context.method === "publickey") return keyOwner(context, this.#options.users());
    const seconds = this.#lockedFor(context, remote);
    if (seconds > 0) {
      await tell(context, `too many failed logins; try again in ${seconds} seconds`);
      return this.#refused(context, remote, `locked for ${seconds} seconds`);
    }
    const password = await givenPassword(context);
    if (password === undefined) return undefined;
    // What a robot has never opens the console.
    const attempt = { login: context.username, password, address: () => remote, acceptsApiTokens: false };
    const result = await this.#options.authenticator.login(attempt);
    if (result.kind === "accepted") return result.user.name;
    return this.#refused(
      context,
      remote,
      result.kind === "limited" ? "too many failures" : "wrong user name or password",
    );
  }

  /** A key can't be guessed, and opens while passwords are locked. */
  #lockedFor({ method, username }: AuthContext, remote: string): number {
    const isPassword = method === "password" || method === "keyboard-interactive";
    return isPassword ? this.#options.lockedFor(username, remote) : 0;
  }

  #refused({ username }: AuthContext, remote: string, why: string): undefined {
    const { hostname, port } = this.address;
    this.#options.log.warn(
      `SSH login of ${JSON.stringify(username)} from ${remote} at ${formatListenAddress({ hostname, port })} refused: ${why}`,
    );
    return undefined;
  }
}

/** Shows a line to who logs in, where the method has room for it. */
function tell(context: AuthContext, message: string): Promise<void> | undefined {
  if (context.method !== "keyboard-interactive") return undefined;
  return new Promise((resolve) => {
    context.prompt([], "", message, () => resolve());
    context.on("abort", () => resolve());
  });
}

/** The password that this attempt carries, or is asked for; `undefined` for methods that carry none. */
function givenPassword(context: AuthContext): Promise<string | undefined> | string | undefined {
  if (context.method === "password") return context.password;
  if (context.method !== "keyboard-interactive") return undefined;
  return new Promise((resolve) => {
    context.prompt([{ prompt: "Password: ", echo: false }], (answers) => resolve(answers[0] ?? ""));
    context.on("abort", () => resolve(undefined));
  });
}
