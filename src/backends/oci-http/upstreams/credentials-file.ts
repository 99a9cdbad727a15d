import { readFileSync } from "node:fs";
import { isRecord } from "../../../primitives/text/records.ts";
import type { UpstreamCredentials } from "../../../registry/client/upstream-credentials.ts";
import { parseUpstreamUrl, type UpstreamUrl } from "../../../registry/client/upstream-url.ts";

/** How to get the credentials for a host: they are in the file, or a credential helper gives them. */
export type FileCredential = UpstreamCredentials | { readonly helper: string; readonly server: string };

const HELPER = /^[a-z0-9][a-z0-9._-]*$/i;

/**
 * Finds the credentials for an upstream in a file such as Docker's `config.json`: by its `credHelpers`, by its `auths`, and by
 * its `credsStore` for the hosts that `auths` names, as `docker login` writes them. Throws an `Error` that names the file and has
 * nothing of its content.
 */
export function credentialInFile(path: string, upstream: UpstreamUrl): FileCredential | undefined {
  const json = readJson(path);
  const helper = entryFor(json["credHelpers"], upstream);
  if (helper) {
    const [server, name] = helper;
    if (isHelper(name)) return { helper: name, server };
    throw new Error(`the credentials file ${path} names no credential helper for ${server}`);
  }
  const auth = entryFor(json["auths"], upstream);
  if (!auth) return undefined;
  const credentials = isRecord(auth[1]) ? credentialsIn(auth[1]) : undefined;
  if (credentials) return credentials;
  const store = json["credsStore"];
  if (isHelper(store)) return { helper: store, server: auth[0] };
  throw new Error(`the credentials file ${path} has no user name and password for ${auth[0]}`);
}

function isHelper(name: unknown): name is string {
  return typeof name === "string" && HELPER.test(name);
}

function readJson(path: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new Error(`the credentials file ${path} can't be read`);
  }
  try {
    const json: unknown = JSON.parse(text);
    if (isRecord(json)) return json;
  } catch {
    // The message would have a part of the text.
  }
  throw new Error(`the credentials file ${path} is no JSON such as Docker's config.json`);
}

/** Keys are hosts, which stand for https://, or URLs. */
function entryFor(table: unknown, upstream: UpstreamUrl): [key: string, value: unknown] | undefined {
  if (!isRecord(table)) return undefined;
  return Object.entries(table).find(([key]) => {
    const url = parseUpstreamUrl(key);
    return "origin" in url && url.origin === upstream.origin;
  });
}

function credentialsIn({
  auth,
  username,
  password,
  identitytoken: identityToken,
}: Readonly<Record<string, unknown>>): UpstreamCredentials | undefined {
  // Beside it, `auth` has a user name without a password.
  if (typeof identityToken === "string" && identityToken !== "") return { identityToken };
  if (typeof username === "string" && typeof password === "string") return { username, password };
  if (typeof auth !== "string") return undefined;
  const text = Buffer.from(auth, "base64").toString();
  const colon = text.indexOf(":");
  return colon > 0 ? { username: text.slice(0, colon), password: text.slice(colon + 1) } : undefined;
}
