import { WEB_FOLDERS } from "../../../backends/web/requests/web-calls.ts";

const FOLDERS: ReadonlySet<string> = new Set(WEB_FOLDERS);

/**
 * Whether a path, without the path prefix, is one of pages and API. All other paths but those of the distribution-spec are pages
 * for browsers alone, which get a page that says so; registry clients get the spec's error.
 */
export function isWebPath(path: string, accept: string | null): boolean {
  if (path.startsWith("/v2/") || path === "/v2") return false;
  const [, folder = ""] = path.split("/", 2);
  return path === "/" || FOLDERS.has(folder) || (accept?.includes("text/html") ?? false);
}

/** Where a sign-in leads: a path of this server, or `/` for anything else. */
export function safeNext(next: string | null): string {
  // A browser takes `//host` and `/\host` for another host, and drops control characters.
  return next !== null && /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : "/";
}
