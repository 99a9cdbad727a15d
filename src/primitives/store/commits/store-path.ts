/** A relative path in a store that Git accepts on every platform: `users/alice.toml`. */
export type StorePath = string & { readonly __brand: "StorePath" };

/** Characters that no path component may contain: separators, control characters, and those reserved by Windows. */
const FORBIDDEN = /[\\:*?"<>|\u0000-\u001f\u007f]/;
/** `.git` in the variants that `git fsck --strict` rejects (NTFS short names, trailing characters that Windows drops). */
const GIT_DIRECTORY = /^(\.git|git~[0-9]+)[. ]*$/i;

/** A fast check that most paths pass: no component begins with a dot or has unusual characters. */
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

/** Returns a path that the code builds from valid parts; throws `TypeError` for an invalid one. */
export function storePath(text: string): StorePath {
  const path = parseStorePath(text);
  if (!path) throw new TypeError(`'${text}' is not a store path`);
  return path;
}
