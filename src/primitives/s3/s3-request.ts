export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Below the prefix; without one, the request is about the bucket. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** The time of the signature, where it must not be valid for longer than 15 minutes from then on; default: now. */
  readonly signedAt?: Date;
  /** Whether it may be sent again after a failure that leaves open whether it was done. */
  readonly isRepeatable: boolean;
  /** In place of the client's, see `S3ClientOptions`. */
  readonly timeoutMs?: number;
  /** Whether the body of the response is read by the caller, piece by piece. */
  readonly isStreamed?: boolean;
}

/** Kinds of requests, for counts. `multipart`: all of an upload in parts but the parts themselves. */
export const S3_OPERATIONS = ["get", "head", "put", "delete", "list", "multipart"] as const;
export type S3Operation = (typeof S3_OPERATIONS)[number];

/** How long the server may take until its response begins, in milliseconds. */
export const TIMEOUT_MS = 20_000;
/** Of requests that no server needs long for: writes with a body up to this size (bytes), and reads. */
const SMALL_TIMEOUT_MS = 5000;
const MAX_SMALL_BODY = 64 * 1024;
/** Clients wait for most reads. */
const READ_TIMEOUT_MS = 3000;

export function operationOf({ method, query = {} }: S3Request): S3Operation {
  if (query["list-type"] !== undefined) return "list";
  if (query["delete"] !== undefined) return "delete";
  if (query["partNumber"] !== undefined) return "put";
  if (query["uploads"] !== undefined || query["uploadId"] !== undefined) return "multipart";
  switch (method) {
    case "GET":
      return "get";
    case "HEAD":
      return "head";
    case "DELETE":
      return "delete";
    default:
      return "put";
  }
}

/** How long the server may take for this request where the others have `most` milliseconds. */
export function usualTimeout(request: S3Request, most: number): number {
  const operation = operationOf(request);
  if (operation === "get" || operation === "head") return Math.min(READ_TIMEOUT_MS, most);
  const isSmall = request.method !== "POST" && (request.body?.length ?? 0) <= MAX_SMALL_BODY;
  return operation !== "list" && isSmall ? Math.min(SMALL_TIMEOUT_MS, most) : most;
}

/** How long the bytes of the response's body may stay away, once it has begun, where the others have `most` milliseconds. */
export function usualPause(request: S3Request, most: number): number {
  // The server sends the status before it has put the parts together.
  return operationOf(request) === "multipart" ? most : Math.min(READ_TIMEOUT_MS, most);
}
