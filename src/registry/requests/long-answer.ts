import { RegistryError } from "./errors.ts";
import type { Result, Sending } from "./registry-request.ts";

const RETRY_SECONDS = "5";

/** Answers with what may be sent, or that too much waits for slow clients already. */
export function longAnswer(
  body: Bun.BodyInit | undefined,
  headers: Readonly<Record<string, string>>,
): Result {
  return body === undefined
    ? new RegistryError("tooManyAnswers", { headers: { "Retry-After": RETRY_SECONDS } })
    : new Response(body, { headers });
}

/** A list of any length; `value` as it is if it is encoded already. */
export function longList(
  sending: Sending,
  value: object | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
): Result {
  const content = value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value));
  return longAnswer(sending.list(content), {
    "Content-Type": "application/json",
    ...headers,
    "Content-Length": String(content.length),
  });
}
