import type { PageRequest } from "../model/page.ts";
import { RegistryError } from "./errors.ts";

/** Entries in one answer at the most, and when the client names no number. */
const MAX_PAGE = 10_000;
/** No entry is longer, so what stands behind it in `last` changes nothing. */
const MAX_LAST_LENGTH = 256;

/** Reads `n` and `last` (distribution-spec, "Listing Tags"). */
export function parsePageRequest(query: URLSearchParams): PageRequest | RegistryError {
  const wanted = query.get("n") ?? String(MAX_PAGE);
  if (!/^\d+$/.test(wanted)) return new RegistryError("pageSizeInvalid");
  return { last: parseLast(query), limit: Math.min(Number(wanted), MAX_PAGE) };
}

/** The entry that the page before ended with. */
export function parseLast(query: URLSearchParams): string {
  return (query.get("last") ?? "").slice(0, MAX_LAST_LENGTH);
}

/** The Link header to the page after `last` (RFC 8288), which keeps the other parameters. */
export function linkToNext(path: string, parameters: Readonly<Record<string, string>>): string {
  return `<${path}?${new URLSearchParams(parameters)}>; rel="next"`;
}
