import type {
  UpstreamCredentialSource,
  UpstreamCredentials,
} from "../../../registry/client/upstream-credentials.ts";
import type { UpstreamUrl } from "../../../registry/client/upstream-url.ts";
import type { CredentialPlace } from "../settings/credential-places.ts";
import { runCredentialCommand } from "./credential-command.ts";
import { credentialInFile } from "./credentials-file.ts";
import type { StoredCredentials } from "./stored-credentials.ts";

/** What the operator of the server gives: no administrator can change it from within. */
export interface OperatorCredentials {
  /** A file such as Docker's `config.json`. */
  readonly file: string | undefined;
  /** Commands that print credentials, by the origin of the upstream. */
  readonly commands: ReadonlyMap<string, readonly string[]>;
}

export interface CredentialPlaces {
  /** `undefined`: this server keeps none. */
  readonly stored: StoredCredentials | undefined;
  readonly operator: OperatorCredentials;
}

/** What a registry's settings say of an upstream. */
export interface CredentialUse extends Omit<CredentialPlace, "upstream"> {
  readonly upstream: UpstreamUrl;
  /** Whether what the operator gives for its host is sent there. */
  readonly mayUseOperators: boolean;
}

/** What was found is looked up again after this time (ms): another node, or a file, may have others by then. */
const KEPT_MS = 60_000;
/** And at most so often (ms) while it is refused or can't be had: strangers can cause requests. */
const REFUSED_MS = 5000;

interface Kept {
  readonly credentials: Promise<UpstreamCredentials | undefined>;
  /** By `performance.now`. */
  readonly at: number;
  readonly changes: number;
  hasFailed: boolean;
}

/** What was given at the console; or else what the operator's file has, or a command prints, for upstream's host. */
export function credentialSource(places: CredentialPlaces, use: CredentialUse): UpstreamCredentialSource {
  let kept: Kept | undefined;
  return (wereRefused) => {
    const now = performance.now();
    const changes = places.stored?.changes ?? 0;
    const maxAge = wereRefused || kept?.hasFailed ? REFUSED_MS : KEPT_MS;
    if (!kept || kept.changes !== changes || now - kept.at >= maxAge) {
      const found: Kept = { credentials: find(places, use), at: now, changes, hasFailed: false };
      kept = found;
      found.credentials.catch(() => {
        found.hasFailed = true;
      });
    }
    return kept.credentials;
  };
}

async function find(
  { stored, operator }: CredentialPlaces,
  use: CredentialUse,
): Promise<UpstreamCredentials | undefined> {
  const { key, upstream, realm } = use;
  const given = await stored?.get(key);
  if (given && (given.upstream !== upstream.base || given.realm !== realm))
    throw new Error(
      `the credential of '${key}' was given for other settings, upstream=${given.upstream} upstream-realm=${given.realm ?? ""}; give it again by /oci credential`,
    );
  if (given) return { username: given.username, password: given.password };
  if (!use.mayUseOperators) return undefined;
  const host = new URL(upstream.origin).host;
  const inFile = operator.file === undefined ? undefined : credentialInFile(operator.file, upstream);
  if (inFile && "helper" in inFile)
    return runCredentialCommand([`docker-credential-${inFile.helper}`, "get"], inFile.server);
  if (inFile) return inFile;
  const command = operator.commands.get(upstream.origin);
  return command && runCredentialCommand(command, host);
}
