import { Type } from "typebox";
import { MAX_PAGE } from "../../oci-http/operations/found-page.ts";

/** A moment, as RFC 3339 has it. */
export const Time = Type.String({ format: "date-time", examples: ["2026-01-31T12:00:00.000Z"] });

export const DigestText = Type.String({ pattern: "^[a-z0-9]+:[0-9a-f]+$", description: "`algorithm:hex`" });

/** Parameters of every list. */
export const PAGE_QUERY = {
  cursor: Type.Optional(
    Type.String({ description: "`next` of the page before; without it, the first page" }),
  ),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_PAGE, description: "entries of a page (100)" }),
  ),
} as const;

export const DEFAULT_LIMIT = 100;

/** The cursor of the next page; absent on the last one. */
export const Next = Type.Optional(Type.String({ description: "`cursor` of the next page" }));

export const CommitId = Type.String({ pattern: "^[0-9a-f]{64}$", description: "the id of a commit" });

export const PullTime = Type.String({
  format: "date-time",
  examples: ["2026-01-31T12:00:00.000Z"],
  description: "the hour of the last pull; absent if unknown, as of the past",
});
