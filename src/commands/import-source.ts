import { readFileSync } from "node:fs";
import type { ArgsDef } from "citty";
import type { ImportSource } from "../backends/oci-http/import/sources/import-source.ts";
import { openFileSource } from "../backends/oci-http/import/sources/open-source.ts";
import { RegistrySource } from "../backends/oci-http/import/sources/registry-source.ts";
import { readSecretFile } from "../config/secret-file.ts";
import { UsageError } from "../config/settings.ts";
import { messageOf } from "../primitives/expected-error.ts";
import { holdsCertificate } from "../registry/client/connections.ts";
import { HttpRegistryClient } from "../registry/client/http-registry-client.ts";
import { parseUpstreamUrl, UpstreamUrlFault, withoutUser } from "../registry/client/upstream-url.ts";
import type { RepositoryName } from "../registry/model/repository-name.ts";
import { askSecret } from "./ask-secret.ts";

/** Flags that say how a source is read; all but the first are for registries. */
export const SOURCE_ARGS: ArgsDef = {
  repository: {
    type: "string",
    description: "repository of images that a file gives only a tag, or of all if it names one other",
    valueHint: "name",
  },
  login: {
    type: "string",
    description: "user at the other registry; the password is asked for",
    valueHint: "user",
  },
  "password-file": { type: "string", description: "file with that user's password", valueHint: "file" },
  ca: {
    type: "string",
    description: "certificates of the CAs that the other registry's may be from",
    valueHint: "file",
  },
  realm: {
    type: "string",
    description: "server that gives tokens and may get the password, if it is another one than the registry",
    valueHint: "url",
  },
};
export const ALLOW_PRIVATE = "--allow-private";

export interface SourceOptions {
  readonly place: string;
  /** See `openFileSource`. */
  readonly unnamed: RepositoryName | undefined;
  /** See `RegistrySourceOptions`. */
  readonly named: readonly RepositoryName[] | undefined;
  readonly flags: ReadonlyMap<string, string>;
  readonly allowsPrivate: boolean;
  readonly pausing: (text: string) => void;
}

/** Opens what the command line names. Throws `UsageError` and `SourceError`. */
export async function openImportSource(options: SourceOptions): Promise<ImportSource> {
  const { place, unnamed, named, flags, allowsPrivate, pausing } = options;
  if (!/^https?:\/\//i.test(place)) return openFileSource(place, unnamed);
  const url = parseUpstreamUrl(place);
  if (url instanceof UpstreamUrlFault)
    throw new UsageError(
      `'${withoutUser(place)}' is no address of a registry: ${url.reason}; use --login for a user`,
    );
  const credentials = await credentialsOf(url.base, flags);
  const client = new HttpRegistryClient({
    url,
    ca: caOf(flags.get("ca")),
    realm: realmOf(flags.get("realm")),
    allowsPrivate,
    ...(credentials && { credentials: () => credentials }),
  });
  return new RegistrySource(client, { named, pausing, worded: withFlags });
}

/** The client names the settings of a mirror. */
function withFlags(reason: string): string {
  return reason
    .replace("upstream-private=allow permits it", `${ALLOW_PRIVATE} permits it`)
    .replace("upstream-ca= names", "--ca names")
    .replace("upstream-realm=", "--realm ");
}

/** The realm of a challenge has a path and perhaps a query. */
function realmOf(text: string | undefined): string | undefined {
  const url = text === undefined ? undefined : URL.parse(text);
  if (url === undefined) return undefined;
  if (url && /^https?:$/.test(url.protocol)) return url.origin;
  throw new UsageError(`--realm must be a URL such as https://auth.example.org, not '${text}'`);
}

async function credentialsOf(base: string, flags: ReadonlyMap<string, string>) {
  const username = flags.get("login");
  const file = flags.get("password-file");
  if (username === undefined) {
    if (file !== undefined) throw new UsageError("--password-file requires --login <user>");
    return undefined;
  }
  if (username === "") throw new UsageError("--login is empty; it is the user at the other registry");
  const password =
    file === undefined
      ? await askSecret(`Password of ${username} at ${base}: `)
      : readSecretFile(file, "--password-file").secret;
  return { username, password };
}

function caOf(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`--ca: ${path} can't be read: ${messageOf(error)}`);
  }
  if (holdsCertificate(text)) return text;
  throw new UsageError(`--ca: ${path} holds no certificate (PEM)`);
}
