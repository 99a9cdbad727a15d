/** A relative path in a store that every Git on every platform accepts: `users/alice.toml`. */
export type StorePath = string & { readonly __brand: "StorePath" };

/** Characters that no path component may hold: separators, control characters, and what Windows reserves. */
const FORBIDDEN = /[\\:*?"<>|\u0000-\u001f\u007f]/;
/** `.git` under the disguises that `git fsck --strict` looks for (NTFS short names, the end that Windows drops). */
const GIT_DIRECTORY = /^(\.git|git~[0-9]+)[. ]*$/i;

/** Most paths are of this kind, for which one look is enough: no component begins with a dot or holds anything odd. */
const PLAIN = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;
/** Characters that HFS+ ignores in names. */
const IGNORABLE = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

export function parseStorePath(text: string): StorePath | undefined {
  if (PLAIN.test(text)) return text as StorePath;
  const valid = text.split("/").every((component) => isComponent(component));
  return valid ? (text as StorePath) : undefined;
}

function isComponent(name: string): boolean {
  return (
    name !== "" &&
    name !== "." &&
    name !== ".." &&
    !FORBIDDEN.test(name) &&
    !GIT_DIRECTORY.test(name.replaceAll(IGNORABLE, ""))
  );
}

/** For paths that the code puts together from parts already known to be safe; throws on a mistake. */
export function storePath(text: string): StorePath {
  const path = parseStorePath(text);
  if (!path) throw new TypeError(`'${text}' is not a store path`);
  return path;
}
