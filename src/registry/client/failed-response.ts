import { isRecord } from "../../primitives/text/records.ts";
import type { Exchange, HttpResponse } from "./exchange.ts";
import { parseRetryAfter } from "./retry-after.ts";
import type { ExplainedFailure } from "./upstream-answer.ts";

/** Of an error response, so much is read for its message, in bytes. */
const MAX_ERROR_BODY = 16 * 1024;
/** In characters. */
const MAX_MESSAGE = 200;

/** With the code of the OCI error that upstream sent, if any. */
export type CodedFailure = ExplainedFailure & { readonly code: string | undefined };

/** What a response that is no success means for a request of `wanted`, such as `a blob`; ends the response. */
export async function failureOf(
  exchange: Exchange,
  url: URL,
  response: HttpResponse,
  wanted: string,
): Promise<CodedFailure> {
  const { status } = response;
  const { code, message } = await errorIn(response);
  const text = [code, message].filter((part) => part !== undefined).join(": ");
  const words = `it answers ${status} to the request for ${wanted}${text === "" ? "" : ` (${text})`}`;
  const failure = { ...exchange.failure(url, words), code };
  if (status === 401 || status === 403) return { ...failure, kind: "denied" };
  if (status === 429) {
    const retryAfterMs = parseRetryAfter(response.header("retry-after"), new Date());
    return { ...failure, kind: "limited", retryAfterMs };
  }
  return status >= 500 || status === 408 ? failure : { ...failure, kind: "invalid" };
}

interface SentError {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}

/** The first OCI error of a response (distribution-spec, "Error Codes"), each part on one line. */
async function errorIn(response: HttpResponse): Promise<SentError> {
  const bytes = await response.body.bytes(MAX_ERROR_BODY).catch(() => undefined);
  if (!bytes) return {};
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString());
    const errors = isRecord(json) ? json["errors"] : undefined;
    const first: unknown = Array.isArray(errors) ? errors[0] : json;
    return isRecord(first) ? { code: plain(first["code"]), message: plain(first["message"]) } : {};
  } catch {
    return {};
  }
}

function plain(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const text = value.replaceAll(/[^\x20-\x7e]+/g, " ").trim();
  if (text === "") return undefined;
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}…` : text;
}
