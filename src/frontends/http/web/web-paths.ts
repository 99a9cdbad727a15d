/** Whether a path, without the path prefix, is one of pages and API: every path that isn't one of the distribution-spec. */
export function isWebPath(path: string): boolean {
  return path !== "/v2" && !path.startsWith("/v2/");
}

/** Where a sign-in leads: a path of this server, or `/` for anything else. */
export function safeNext(next: string | null): string {
  // A browser takes `//host` and `/\host` for another host, and drops control characters.
  return next !== null && /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : "/";
}
