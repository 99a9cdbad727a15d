import { isRecord } from "../../primitives/text/records.ts";
import type { Exchange, HttpResponse } from "./exchange.ts";
import { parseRetryAfter } from "./retry-after.ts";
import type { ExplainedFailure } from "./upstream-answer.ts";

/** Of an error response, so much is read for its message, in bytes. */
const MAX_ERROR_BODY = 16 * 1024;
/** In characters. */
const MAX_MESSAGE = 200;

/** What a response that is no success means for a request of `wanted`, such as `a blob`; ends the response. */
export async function failureOf(
  exchange: Exchange,
  url: URL,
  response: HttpResponse,
  wanted: string,
): Promise<ExplainedFailure> {
  const { status } = response;
  const message = await messageIn(response);
  const words = `it answers ${status} to the request for ${wanted}${message}`;
  const failure = exchange.failure(url, words);
  if (status === 401 || status === 403) return { ...failure, kind: "denied" };
  if (status === 429) {
    const retryAfterMs = parseRetryAfter(response.header("retry-after"), new Date());
    return { ...failure, kind: "limited", retryAfterMs };
  }
  return status >= 500 || status === 408 ? failure : { ...failure, kind: "invalid" };
}

/** The first message of an OCI error (distribution-spec, "Error Codes"), on one line; empty if there is none. */
async function messageIn(response: HttpResponse): Promise<string> {
  const bytes = await response.body.bytes(MAX_ERROR_BODY).catch(() => undefined);
  if (!bytes) return "";
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString());
    const errors = isRecord(json) ? json["errors"] : undefined;
    const first: unknown = Array.isArray(errors) ? errors[0] : json;
    if (!isRecord(first)) return "";
    const text = [first["code"], first["message"]].filter((part) => typeof part === "string").join(": ");
    const plain = text.replaceAll(/[^\x20-\x7e]+/g, " ").trim();
    return plain === "" ? "" : ` (${plain.length > MAX_MESSAGE ? `${plain.slice(0, MAX_MESSAGE)}…` : plain})`;
  } catch {
    return "";
  }
}
