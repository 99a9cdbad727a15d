import { isRecord } from "../../../primitives/text/records.ts";
import type { UpstreamCredentials } from "../../../registry/client/upstream-credentials.ts";

const TIMEOUT_MS = 30_000;
/** In bytes, of what a command prints. */
const MAX_OUTPUT = 64 * 1024;
/** Whose commands print the password alone. */
const AWS_HOST = /\.amazonaws\.com(\.cn)?$/;
const AWS_USER = "AWS";
/** The user name with which credential helpers mark an identity token (docker-credential-helpers). */
const TOKEN_USER = "<token>";

/**
 * Runs a command without a shell, with the host on its standard input as Docker's credential helpers expect. Rejects with a
 * message that has nothing of its output: it may be a secret.
 */
export async function runCredentialCommand(
  command: readonly string[],
  host: string,
): Promise<UpstreamCredentials> {
  const [program = ""] = command;
  const fail = (reason: string) => new Error(`the credential command ${program} for ${host} ${reason}`);
  let child: Bun.Subprocess<Blob, "pipe", "ignore">;
  try {
    child = Bun.spawn([...command], {
      ...{ stdin: new Blob([`${host}\n`]), stdout: "pipe", stderr: "ignore" },
      ...{ timeout: TIMEOUT_MS, killSignal: "SIGKILL", env: process.env },
    });
  } catch {
    throw fail("can't be run: it must be an executable that the server's PATH leads to");
  }
  const output = await boundedText(child.stdout);
  if (output === undefined) child.kill("SIGKILL");
  const code = await child.exited;
  if (output === undefined) throw fail("prints too much");
  if (child.signalCode) throw fail(`did not end within ${TIMEOUT_MS / 1000} s`);
  if (code !== 0) throw fail(`exited with ${code}`);
  const credentials = parseCredentialOutput(output, host);
  if (credentials) return credentials;
  throw fail('prints neither <user>:<password> nor {"Username": …, "Secret": …}');
}

export function parseCredentialOutput(output: string, host: string): UpstreamCredentials | undefined {
  const text = output.trim();
  if (text.startsWith("{")) return parseHelperJson(text);
  if (text === "" || /[\r\n]/.test(text)) return undefined;
  const colon = text.indexOf(":");
  if (colon > 0) return { username: text.slice(0, colon), password: text.slice(colon + 1) };
  return AWS_HOST.test(host) ? { username: AWS_USER, password: text } : undefined;
}

function parseHelperJson(text: string): UpstreamCredentials | undefined {
  try {
    const json: unknown = JSON.parse(text);
    if (!isRecord(json)) return undefined;
    const { Username: username, Secret: password } = json;
    if (username === TOKEN_USER && typeof password === "string") return { identityToken: password };
    return typeof username === "string" && typeof password === "string" ? { username, password } : undefined;
  } catch {
    return undefined;
  }
}

async function boundedText(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > MAX_OUTPUT) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
