import { RegistryError } from "./errors.ts";
import type { Exchange, Result } from "./exchange.ts";

const RETRY_SECONDS = "5";

/** Answers with content of any length, unless too much waits for slow clients already. */
export function longAnswer(
  exchange: Pick<Exchange, "send">,
  content: Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
): Result {
  const body = exchange.send(content);
  return body === undefined
    ? new RegistryError("tooManyAnswers", { headers: { "Retry-After": RETRY_SECONDS } })
    : new Response(body, { headers });
}

/** A list of any length; `value` as it is if it is encoded already. */
export function longJsonAnswer(
  exchange: Pick<Exchange, "send">,
  value: object | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
): Result {
  const content = value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value));
  return longAnswer(exchange, content, {
    "Content-Type": "application/json",
    ...headers,
    "Content-Length": String(content.length),
  });
}
