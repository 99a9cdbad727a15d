import type { Fault } from "../../../registry/requests/errors.ts";

/** Errors of the HTTP frontend itself, in the form of OCI errors, which clients can read. */
export const HTTP_FAULTS = {
  conflict: ["DENIED", 409, "the change conflicts with what is stored"],
  diskFailed: ["UNAVAILABLE", 503, "the registry can't store or read anything for now"],
  diskFull: ["UNAVAILABLE", 507, "there is no room on the registry's disk; deleting still works"],
  diskFullOfNode: [
    "UNAVAILABLE",
    503,
    "there is no room on the disk of this node of the registry; another node can serve this",
  ],
  formInvalid: ["UNSUPPORTED", 400, "grant_type must be 'password' or 'refresh_token'"],
  hostInvalid: ["NAME_INVALID", 400, "the Host header is not a valid host name"],
  hostRepeated: ["NAME_INVALID", 400, "the request has more than one Host header"],
  hostUnknown: ["NAME_UNKNOWN", 404, "no registry is served at this host"],
  hostUnknownYet: ["NAME_UNKNOWN", 401, "no registry is served at this host"],
  internal: ["UNKNOWN", 500, "internal error; the server's log has the cause"],
  otherOrigin: ["DENIED", 403, "a page of another site has sent this request"],
  pageBodyTooLong: ["SIZE_INVALID", 413, "the body is longer than 256 KiB"],
  repositoriesTooMany: ["UNSUPPORTED", 400, "one token is requested for more than 32 repositories"],
  objectStoreAway: [
    "UNAVAILABLE",
    503,
    "the registry's object store does not answer for now; try again later",
  ],
  requestInvalid: ["UNSUPPORTED", 400, "the request is not valid"],
} as const satisfies Record<string, Fault>;
