import { jsonResponse } from "./json-response.ts";

/** The OCI code of an error (distribution-spec, "Error codes"), the HTTP status, and the message where none is more exact. */
export type Fault = readonly [code: string, status: number, message: string];

/** Every error of the OCI API; a frontend has its own besides. */
const FAULTS = {
  algorithmUnsupported: [
    "UNSUPPORTED",
    400,
    "the query parameter 'digest-algorithm' must be sha256 or sha512",
  ],
  blobUnknown: ["BLOB_UNKNOWN", 404, "blob unknown to the repository"],
  blobInUse: ["DENIED", 409, "blob is part of a manifest in the repository; delete that first"],
  blobTooLarge: ["SIZE_INVALID", 413, "blob is larger than this registry allows"],
  contentRangeInvalid: [
    "BLOB_UPLOAD_INVALID",
    400,
    "Content-Range must be written <first>-<last>, as in 0-1023",
  ],
  denied: ["DENIED", 403, "requested access to the resource is denied"],
  digestInvalid: ["DIGEST_INVALID", 400, "digest must be sha256:<64 hex> or sha512:<128 hex>, in lower case"],
  digestMismatch: ["DIGEST_INVALID", 400, "digest does not match the content"],
  digestMissing: ["DIGEST_INVALID", 400, "the query parameter 'digest' is missing"],
  manifestBlobUnknown: [
    "MANIFEST_BLOB_UNKNOWN",
    404,
    "manifest refers to content that is not in the repository",
  ],
  manifestInvalid: ["MANIFEST_INVALID", 400, "manifest invalid"],
  manifestSizeMismatch: ["SIZE_INVALID", 400, "manifest states another size than its content has"],
  manifestTooLarge: ["SIZE_INVALID", 413, "manifest is larger than this registry allows"],
  manifestUnknown: ["MANIFEST_UNKNOWN", 404, "manifest unknown"],
  methodNotAllowed: ["UNSUPPORTED", 405, "method not allowed here"],
  nameInvalid: [
    "NAME_INVALID",
    400,
    "repository name must be lower-case components of letters, digits and single separators, joined by '/'",
  ],
  nameUnknown: ["NAME_UNKNOWN", 404, "repository name not known to registry"],
  pageSizeInvalid: ["UNSUPPORTED", 400, "the query parameter 'n' must be a whole number, 0 or more"],
  pathInvalid: ["NAME_INVALID", 400, "the path is not well formed"],
  pathUnknown: ["UNSUPPORTED", 404, "no such endpoint; a registry is served below /v2/"],
  // Clients such as docker do not repeat a request after DENIED.
  preconditionFailed: [
    "DENIED",
    412,
    "the content is not what the request's If-Match or If-None-Match requires",
  ],
  preconditionInvalid: ["UNSUPPORTED", 400, "If-Match and If-None-Match must be * or a list of entity tags"],
  quotaExceeded: ["DENIED", 403, "the quota is used up"],
  rangeInvalid: ["SIZE_INVALID", 416, "the requested range lies outside the blob"],
  rangeMalformed: [
    "SIZE_INVALID",
    416,
    "Range must be ranges of bytes, as in bytes=0-1023 or bytes=0-9,20-29",
  ],
  readOnly: ["DENIED", 405, "this registry is read-only"],
  referenceInvalid: [
    "NAME_INVALID",
    400,
    "reference must be a digest or a tag: up to 128 letters, digits, '_', '.', '-', not beginning with '.' or '-'",
  ],
  sizeMismatch: ["SIZE_INVALID", 400, "the body's length is not what its headers say"],
  tagImmutable: ["DENIED", 409, "the tag is write-once and already points at another manifest"],
  tagsInvalid: [
    "NAME_INVALID",
    400,
    "the query parameter 'tag' must be a tag: up to 128 letters, digits, '_', '.', '-', not beginning with '.' or '-'",
  ],
  tagsTooMany: ["UNSUPPORTED", 414, "too many query parameters 'tag'"],
  upstreamUnsound: ["UNAVAILABLE", 502, "the registry that this one mirrors sent something wrong"],
  tooManyRequests: ["TOOMANYREQUESTS", 429, "too many requests; try again later"],
  unavailable: ["UNAVAILABLE", 503, "this registry is out of service for now; try again later"],
  unauthorized: ["UNAUTHORIZED", 401, "authentication required"],
  tooManyResponses: [
    "TOOMANYREQUESTS",
    503,
    "too many large responses are waiting for slow clients; try again in a few seconds",
  ],
  tooManyBodies: ["TOOMANYREQUESTS", 503, "too many request bodies at once; try again in a few seconds"],
  tooManySessions: [
    "TOOMANYREQUESTS",
    429,
    "too many open upload sessions; finish or cancel some, or try again later",
  ],
  tooManyUploads: ["TOOMANYREQUESTS", 429, "too many uploads at once; try again in a few seconds"],
  uploadBusy: ["BLOB_UPLOAD_INVALID", 409, "another request is writing to this upload session"],
  uploadCancelled: ["BLOB_UPLOAD_UNKNOWN", 404, "another request has cancelled this upload"],
  uploadInterrupted: [
    "BLOB_UPLOAD_INVALID",
    400,
    "the request body ended early; get the upload's status and resume from there",
  ],
  uploadOutOfOrder: ["BLOB_UPLOAD_INVALID", 416, "the chunk does not begin where the upload ends"],
  uploadUnknown: ["BLOB_UPLOAD_UNKNOWN", 404, "upload session unknown to the repository"],
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

/** An expected failure of a request, returned as a value; `errorResponse` turns it into an HTTP response. */
export class RegistryError {
  readonly code: string;
  /** Of HTTP. */
  readonly status: number;
  /** The table's message, or a more exact one. */
  readonly message: string;
  readonly details: readonly unknown[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    fault: Fault | FaultName,
    options: {
      message?: string;
      details?: readonly unknown[];
      headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    const [code, status, message] = typeof fault === "string" ? FAULTS[fault] : fault;
    this.code = code;
    this.status = status;
    this.message = options.message ?? message;
    this.details = options.details ?? [];
    this.headers = options.headers ?? {};
  }
}

/** Maximal number of details in one response; the rest is only counted. */
const MAX_DETAILS = 20;

/** The error response of the spec; each detail becomes one entry of `errors` with the same code. */
export function errorResponse(error: RegistryError): Response {
  const { code, status, message, details } = error;
  const errors: object[] = details.slice(0, MAX_DETAILS).map((detail) => ({ code, message, detail }));
  const left = details.length - errors.length;
  if (left > 0) errors.push({ code, message: `${message}; ${left} more are not listed` });
  if (errors.length === 0) errors.push({ code, message });
  return jsonResponse({ errors }, { status, headers: error.headers });
}
