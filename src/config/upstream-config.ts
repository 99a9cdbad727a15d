import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { OperatorCredentials } from "../backends/oci-http/upstreams/credential-source.ts";
import { credentialInFile } from "../backends/oci-http/upstreams/credentials-file.ts";
import { messageOf } from "../primitives/expected-error.ts";
import { parseUpstreamUrl, type UpstreamUrl } from "../registry/client/upstream-url.ts";
import type { CheckedSettings } from "./checked-settings.ts";
import { UsageError } from "./settings.ts";

const FILE = "upstream-credentials";
const COMMAND = "upstream-credential-command";
/** The file is read to find its mistakes; it need not know this host. */
const ANY_HOST: UpstreamUrl = {
  base: "https://registry.invalid",
  origin: "https://registry.invalid",
  hostname: "registry.invalid",
  isDockerHub: false,
};

/** Credentials for upstreams that are on this machine, each bound to a host. Throws `UsageError`. */
export function upstreamCredentials(
  settings: CheckedSettings,
  environment: Readonly<Record<string, string | undefined>>,
): OperatorCredentials {
  return {
    file: settings.optional(FILE) === undefined ? systemdFile(environment) : givenFile(settings),
    commands: new Map(settings.list(COMMAND).map((text) => commandOf(settings, text))),
  };
}

function givenFile(settings: CheckedSettings): string {
  const file = resolve(settings.text(FILE));
  try {
    credentialInFile(file, ANY_HOST);
  } catch (error) {
    throw new UsageError(`${settings.sourceOf(FILE)}: ${messageOf(error)}`);
  }
  return file;
}

/** The unit's `LoadCredential=upstream-credentials:<file>`. */
function systemdFile(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const directory = environment["CREDENTIALS_DIRECTORY"];
  const path = directory && `${directory}/${FILE}`;
  return path && existsSync(path) ? path : undefined;
}

/** `<host>=<command>`; words are separated by spaces, and no shell reads them. */
function commandOf(settings: CheckedSettings, text: string): [origin: string, command: readonly string[]] {
  const equals = text.indexOf("=");
  const url = parseUpstreamUrl(text.slice(0, Math.max(equals, 0)));
  const command = text
    .slice(equals + 1)
    .split(" ")
    .filter((word) => word !== "");
  if (equals > 0 && "origin" in url && command.length > 0) return [url.origin, command];
  throw new UsageError(
    `${settings.sourceOf(COMMAND)}: '${text}' is not <host>=<command>, such as registry.example.org=/usr/local/bin/registry-password`,
  );
}
