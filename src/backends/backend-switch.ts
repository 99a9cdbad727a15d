import { parse, stringify, TomlError } from "smol-toml";
import { Semaphore } from "../primitives/bounds/semaphore.ts";
import { ExpectedError } from "../primitives/expected-error.ts";
import type { Reloadable, TakeOver } from "../primitives/reload.ts";
import { KnownFiles } from "../primitives/store/commits/known-files.ts";
import type { Snapshot } from "../primitives/store/commits/snapshot.ts";
import type { Store } from "../primitives/store/commits/store.ts";
import { storePath } from "../primitives/store/commits/store-path.ts";
import type { Identity } from "../primitives/store/git/commit.ts";

/** The backends that can be switched on and off. */
export const BACKENDS = ["oci-http", "web", "admin-ssh"] as const;
export type BackendName = (typeof BACKENDS)[number];

export function parseBackendName(text: string): BackendName | undefined {
  return BACKENDS.find((known) => known === text);
}

/** A backend that can't be switched. */
export class BackendSwitchError extends ExpectedError {
  override readonly name = "BackendSwitchError";
}

export type BackendState = "enabled" | "disabled" | "off at the start";

const CONFIG_PATH = storePath("config/backends.toml");
const MAX_WAITING_CHANGES = 100;
const HEAD = "# What is switched off; '/backends' in the admin console changes it.\n\n";

/** The enabled and disabled backends. A change is a commit, and applies to the next request. */
export class BackendSwitch implements Reloadable {
  readonly #system: Store;
  /** Runs changes one at a time, each on the result of the one before. */
  readonly #turn = new Semaphore(1, MAX_WAITING_CHANGES);
  readonly #available: ReadonlySet<BackendName>;
  readonly #listeners: (() => void)[] = [];
  readonly #files: KnownFiles;
  #disabled: ReadonlySet<BackendName> = new Set();

  private constructor(system: Store, available: ReadonlySet<BackendName>) {
    this.#system = system;
    this.#files = new KnownFiles(system, system.head());
    this.#available = available;
  }

  /** `available`: the backends that the settings enable. Rejects with `BackendSwitchError` if the stored file is invalid. */
  static async load(system: Store, available: readonly BackendName[]): Promise<BackendSwitch> {
    const backends = new BackendSwitch(system, new Set(available));
    backends.#disabled = await readDisabled(system.head());
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

  /** Resolves with the backends that were not enabled already. */
  async enable(actor: Identity, names: readonly BackendName[]): Promise<readonly BackendName[]> {
    for (const name of names) {
      if (!this.#available.has(name))
        throw new BackendSwitchError(`'${name}' was switched off at the start, by --no-backend-${name}`, {
          kind: "conflict",
        });
    }
    return this.#change(actor, `enable ${names.join(", ")}`, (disabled) =>
      disabled.filter((name) => !names.includes(name)),
    );
  }

  /** Resolves with the backends that were not disabled already. */
  async disable(actor: Identity, names: readonly BackendName[]): Promise<readonly BackendName[]> {
    if (names.includes("admin-ssh")) {
      throw new BackendSwitchError(
        "the console can't disable itself, as it could not be enabled again; start with --no-backend-admin-ssh",
      );
    }
    return this.#change(actor, `disable ${names.join(", ")}`, (disabled) => [...disabled, ...names]);
  }

  /** Reads the backends that a commit of stock git enabled or disabled. */
  prepareReload<T>(then: (takeOver: TakeOver) => Promise<T>): Promise<T> {
    return this.#turn.run(async () => {
      await this.#system.follow();
      const read = this.#system.head();
      const disabled = await readDisabled(read);
      return then(() => {
        const changed = BACKENDS.filter((name) => disabled.has(name) !== this.#disabled.has(name));
        this.#files.replace(read);
        this.#apply(disabled);
        const states = changed.map((name) => `${name} ${disabled.has(name) ? "disabled" : "enabled"}`);
        return states.length > 0 ? `backends: ${states.join(", ")}` : undefined;
      });
    });
  }

  async #change(
    actor: Identity,
    message: string,
    edit: (disabled: readonly BackendName[]) => readonly BackendName[],
  ): Promise<readonly BackendName[]> {
    return this.#files.change(() =>
      this.#turn.run(async () => {
        const disabled = new Set(edit([...this.#disabled]));
        const changed = BACKENDS.filter((name) => disabled.has(name) !== this.#disabled.has(name));
        if (changed.length === 0) return changed;
        const content = Buffer.from(HEAD + stringify({ disabled: [...disabled].toSorted() }));
        await this.#files.commit([{ path: CONFIG_PATH, content }], { author: actor, message });
        this.#apply(disabled);
        return changed;
      }),
    );
  }

  #apply(disabled: ReadonlySet<BackendName>): void {
    this.#disabled = disabled;
    for (const listener of this.#listeners) listener();
  }
}

async function readDisabled(files: Snapshot): Promise<ReadonlySet<BackendName>> {
  const bytes = await files.read(CONFIG_PATH);
  return bytes ? parseDisabled(bytes) : new Set();
}

function parseDisabled(bytes: Uint8Array): ReadonlySet<BackendName> {
  const fail = (reason: string): never => {
    throw new BackendSwitchError(`${CONFIG_PATH} in the store everlock-system: ${reason}`, {
      kind: "unusable",
    });
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
