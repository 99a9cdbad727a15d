import ssh2, { type AuthContext, type PublicKeyAuthContext } from "ssh2";
import { counted } from "../../primitives/text/counted.ts";
import type { AcceptedLogin, PasswordAnswer, RemoteSshOwner } from "./ssh-calls.ts";
import type { SshLimits } from "./ssh-limits.ts";

const METHODS = ["publickey", "keyboard-interactive", "password"] as const;
/** Longer than any login; a longer one is refused without asking the main thread. */
const MAX_USERNAME_LENGTH = 256;

export interface LoginOptions {
  readonly owner: RemoteSshOwner;
  readonly remote: string;
  readonly limits: Pick<SshLimits, "loginAttempts" | "keyOffers">;
  /** Returns whether an authenticated login is admitted. */
  readonly accept: (login: AcceptedLogin) => boolean;
  /** Ends the connection. */
  readonly end: () => void;
}

/** Authenticates the client of one connection by key or password, with a limited number of attempts. */
export class SshLogin {
  readonly #options: LoginOptions;
  #attempts = 0;
  #offers = 0;

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  async authenticate(context: AuthContext): Promise<void> {
    const { limits, accept, end } = this.#options;
    // Clients query several keys before they sign with one; only signatures and passwords count as attempts.
    const isOffer = context.method === "none" || (context.method === "publickey" && !context.signature);
    if (isOffer ? ++this.#offers > limits.keyOffers : ++this.#attempts > limits.loginAttempts) return end();
    if (context.username.length > MAX_USERNAME_LENGTH) return context.reject([...METHODS]);
    if (context.method === "publickey" && isOffer) {
      return (await this.#knownKey(context)) === undefined ? context.reject([...METHODS]) : context.accept();
    }
    const answer = await this.#logIn(context);
    if (answer?.kind === "accepted") return accept(answer.login) ? context.accept() : context.reject([]);
    if (answer?.kind === "limited") {
      await tell(
        context,
        `too many failed logins; try again in ${counted(answer.retryAfterSeconds, "second")}`,
      );
      return context.reject([]);
    }
    if (this.#attempts >= limits.loginAttempts) end();
    else context.reject([...METHODS]);
  }

  /** `undefined` without an attempt that could be answered. */
  async #logIn(context: AuthContext): Promise<PasswordAnswer | undefined> {
    if (context.method === "publickey") {
      const login = await this.#logInByKey(context);
      return login && { kind: "accepted", login };
    }
    const { owner, remote } = this.#options;
    const password = await givenPassword(context);
    return password === undefined ? undefined : owner.logInByPassword(context.username, password, remote);
  }

  /** Checks that the user has the key and that the signature is valid (RFC 4252, section 7). */
  async #logInByKey(context: PublicKeyAuthContext): Promise<AcceptedLogin | undefined> {
    const { username, key, blob, signature, hashAlgo } = context;
    const known = await this.#knownKey(context);
    if (known === undefined || !blob || !signature) return undefined;
    // RSA signatures with SHA-1 can be forged.
    if (known.startsWith("ssh-rsa ") && hashAlgo !== "sha256" && hashAlgo !== "sha512") return undefined;
    const parsed = ssh2.utils.parseKey(known);
    if (parsed instanceof Error || parsed.verify(blob, signature, hashAlgo) !== true) return undefined;
    return this.#options.owner.logInByKey(username, new Uint8Array(key.data));
  }

  #knownKey({ username, key }: PublicKeyAuthContext): Promise<string | undefined> {
    return this.#options.owner.knownKey(username, new Uint8Array(key.data));
  }
}

/** Shows a line to the user, if the authentication method supports it. */
function tell(context: AuthContext, message: string): Promise<void> | undefined {
  if (context.method !== "keyboard-interactive") return undefined;
  return new Promise((resolve) => {
    context.prompt([], "", message, () => resolve());
    context.on("abort", () => resolve());
  });
}

/** The password in this attempt, prompted for if necessary; `undefined` for methods without password. */
function givenPassword(context: AuthContext): Promise<string | undefined> | string | undefined {
  if (context.method === "password") return context.password;
  if (context.method !== "keyboard-interactive") return undefined;
  return new Promise((resolve) => {
    context.prompt([{ prompt: "Password: ", echo: false }], (answers) => resolve(answers[0] ?? ""));
    context.on("abort", () => resolve(undefined));
  });
}
