import { isAbsolute } from "node:path";
import { parseDuration } from "../../../primitives/text/duration.ts";
import { parseUpstreamUrl, UpstreamUrlFault } from "../../../registry/client/upstream-url.ts";

/** `fallback`: clients may push, and upstream is asked only for what nobody pushed. */
export const UPSTREAM_MODES = ["mirror", "fallback"] as const;
export type UpstreamMode = (typeof UPSTREAM_MODES)[number];

/** `always`, `never` or a duration, as it is written. */
export type CheckInterval = string & { readonly __brand: "CheckInterval" };
/** A duration as it is written. */
export type WaitTime = string & { readonly __brand: "WaitTime" };

export const DEFAULT_CHECK = "5m" as CheckInterval;
export const DEFAULT_WAIT = "3s" as WaitTime;
export const CHECK_WANTED = "always, never or a duration such as 5m";
export const REALM_WANTED = "the scheme and host of a URL, such as https://auth.example.org";
export const WAIT_WANTED = "a duration from 1s to 60s";
const MAX_WAIT_SECONDS = 60;

export function parseCheckInterval(text: string): CheckInterval | undefined {
  const isValid = text === "always" || text === "never" || parseDuration(text) !== undefined;
  return isValid ? (text as CheckInterval) : undefined;
}

/** In milliseconds; 0: before each pull, infinite: never. */
export function checkMs(check: CheckInterval): number {
  if (check === "never") return Number.POSITIVE_INFINITY;
  return (parseDuration(check) ?? 0) * 1000;
}

export function parseWait(text: string): WaitTime | undefined {
  const seconds = parseDuration(text);
  const isValid = seconds !== undefined && seconds >= 1 && seconds <= MAX_WAIT_SECONDS;
  return isValid ? (text as WaitTime) : undefined;
}

export function waitMs(wait: WaitTime): number {
  return (parseDuration(wait) ?? 0) * 1000;
}

export function parseCaPath(text: string): string | undefined {
  return isAbsolute(text) && !text.includes("\0") ? text : undefined;
}

/** The base URL of another registry; names of Docker Hub become that of its registry. */
export function parseUpstream(text: string): string | undefined {
  const url = parseUpstreamUrl(text);
  return url instanceof UpstreamUrlFault ? undefined : url.base;
}

/** What is wrong with a text that is no such URL. */
export function upstreamAdvice(text: string): string | undefined {
  const url = parseUpstreamUrl(text);
  return url instanceof UpstreamUrlFault ? url.reason : undefined;
}

/** A scheme, a host and perhaps a port. */
export function parseRealmOrigin(text: string): string | undefined {
  const url = URL.parse(text);
  const isOrigin = url && /^https?:$/.test(url.protocol) && `${url.origin}/` === url.href;
  return isOrigin ? url.origin : undefined;
}
