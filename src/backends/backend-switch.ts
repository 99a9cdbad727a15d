import { parse, stringify, TomlError } from "smol-toml";
import type { Identity } from "../primitives/store/git/commit.ts";
import type { Store } from "../primitives/store/store.ts";
import { storePath } from "../primitives/store/store-path.ts";

/** What can be switched on and off: service logic, whatever frontend it is reached by. */
export const BACKENDS = ["oci-http", "admin-ssh"] as const;
export type BackendName = (typeof BACKENDS)[number];

export function parseBackendName(text: string): BackendName | undefined {
  return BACKENDS.find((known) => known === text);
}

/** A backend that can't be switched, in words for who asked for it. */
export class BackendSwitchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BackendSwitchError";
  }
}

export type BackendState = "enabled" | "disabled" | "off at the start";

const CONFIG_PATH = storePath("config/backends.toml");
const HEAD = "# What is switched off; '/backends' in the admin console changes it.\n\n";

/** Which backends serve. A change is a commit, and holds for the next request. */
export class BackendSwitch {
  readonly #system: Store;
  readonly #available: ReadonlySet<BackendName>;
  readonly #listeners: (() => void)[] = [];
  #disabled: ReadonlySet<BackendName> = new Set();

  private constructor(system: Store, available: ReadonlySet<BackendName>) {
    this.#system = system;
    this.#available = available;
  }

  /** `available` are those that the settings switch on. Throws `BackendSwitchError` where what is stored makes no sense. */
  static async load(system: Store, available: readonly BackendName[]): Promise<BackendSwitch> {
    const backends = new BackendSwitch(system, new Set(available));
    await backends.reload();
    return backends;
  }

  stateOf(name: BackendName): BackendState {
    if (!this.#available.has(name)) return "off at the start";
    return this.#disabled.has(name) ? "disabled" : "enabled";
  }

  isEnabled(name: BackendName): boolean {
    return this.stateOf(name) === "enabled";
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async enable(actor: Identity, names: readonly BackendName[]): Promise<void> {
    for (const name of names) {
      if (!this.#available.has(name))
        throw new BackendSwitchError(`'${name}' was switched off at the start, by --no-backend-${name}`);
    }
    await this.#write(
      actor,
      `enable ${names.join(", ")}`,
      new Set([...this.#disabled].filter((name) => !names.includes(name))),
    );
  }

  async disable(actor: Identity, names: readonly BackendName[]): Promise<void> {
    if (names.includes("admin-ssh")) {
      throw new BackendSwitchError(
        "the console can't switch itself off, nobody could switch it on again; start with --no-backend-admin-ssh",
      );
    }
    await this.#write(actor, `disable ${names.join(", ")}`, new Set([...this.#disabled, ...names]));
  }

  /** Takes over what is committed. */
  async reload(): Promise<void> {
    const bytes = await this.#system.read(CONFIG_PATH);
    this.#apply(bytes ? readDisabled(bytes) : new Set());
  }

  async #write(actor: Identity, message: string, disabled: ReadonlySet<BackendName>): Promise<void> {
    const content = Buffer.from(HEAD + stringify({ disabled: [...disabled].toSorted() }));
    await this.#system.write(CONFIG_PATH, content, { author: actor, message });
    this.#apply(disabled);
  }

  #apply(disabled: ReadonlySet<BackendName>): void {
    this.#disabled = disabled;
    for (const listener of this.#listeners) listener();
  }
}

function readDisabled(bytes: Uint8Array): ReadonlySet<BackendName> {
  const fail = (reason: string): never => {
    throw new BackendSwitchError(`${CONFIG_PATH} in the store everlock-system: ${reason}`);
  };
  try {
    const { disabled = [], ...others } = parse(new TextDecoder().decode(bytes));
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) fail(`unknown key '${unknown}'`);
    if (!Array.isArray(disabled)) return fail("'disabled' must be a list of backends");
    return new Set(
      disabled.map(
        (name) => parseBackendName(String(name)) ?? fail(`'${name}' is none of ${BACKENDS.join(", ")}`),
      ),
    );
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return fail(`line ${error.line}: ${error.message.split("\n")[0]}`);
  }
}
