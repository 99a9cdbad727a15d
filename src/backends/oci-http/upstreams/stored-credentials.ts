import type { Secrets } from "../../../primitives/store/engine/secrets.ts";
import { isRecord } from "../../../primitives/text/records.ts";
import type { PasswordCredentials } from "../../../registry/client/upstream-credentials.ts";
import type { CredentialKey } from "../settings/credential-places.ts";

/** What an administrator has given, and for which upstream. */
export interface StoredCredential extends PasswordCredentials {
  readonly upstream: string;
  /** The token realm on another host that may get the password, if any was allowed. */
  readonly realm: string | undefined;
}

const NAME = "upstream_credentials";

type Document = Readonly<Record<string, StoredCredential>>;

/** The credentials of upstreams: one secret of the storage, the same for all nodes, in no store and no history. */
export class StoredCredentials {
  readonly #secrets: Secrets;
  #changes = 0;

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  /** Rises with each change that this process makes. */
  get changes(): number {
    return this.#changes;
  }

  async get(key: CredentialKey): Promise<StoredCredential | undefined> {
    const all = parse(await this.#secrets.givenSecret(NAME));
    return Object.hasOwn(all, key) ? all[key] : undefined;
  }

  async put(key: CredentialKey, credential: StoredCredential): Promise<void> {
    await this.#change((all) => ({ ...all, [key]: credential }));
  }

  /** Resolves with whether there was any. */
  async drop(keys: readonly CredentialKey[]): Promise<boolean> {
    if (keys.length === 0) return false;
    return this.#change((all) => {
      if (!keys.some((key) => Object.hasOwn(all, key))) return undefined;
      return Object.fromEntries(Object.entries(all).filter(([key]) => !keys.includes(key as CredentialKey)));
    });
  }

  async #change(edit: (all: Document) => Document | undefined): Promise<boolean> {
    let isChanged = false;
    await this.#secrets.changeSecret(NAME, (kept) => {
      const edited = edit(parse(kept));
      isChanged = edited !== undefined;
      return edited && new Uint8Array(Buffer.from(`${JSON.stringify(edited, null, 2)}\n`));
    });
    if (isChanged) this.#changes++;
    return isChanged;
  }
}

/** Rejects a damaged document: a change would lose what it holds. Its text is in no message. */
function parse(bytes: Uint8Array | undefined): Document {
  if (!bytes) return {};
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    json = undefined;
  }
  if (!isRecord(json) || !Object.values(json).every(isCredential))
    throw new Error(`the secret ${NAME} is damaged; remove it, and give the credentials again`);
  return json as Document;
}

function isCredential(value: unknown): boolean {
  return (
    isRecord(value) &&
    ["upstream", "username", "password"].every((key) => typeof value[key] === "string") &&
    ["string", "undefined"].includes(typeof value["realm"])
  );
}
