/**
 * The page that an address with a slash at its end means, or that of a repository without the name; `undefined` for all others, also
 * with an empty segment, as a browser takes `//host` for another host.
 */
export function meantPath(path: string): string | undefined {
  if (path === "/repositories" || path === "/repositories/") return "/";
  return path.length > 1 && path.endsWith("/") && !path.includes("//") ? path.slice(0, -1) : undefined;
}
