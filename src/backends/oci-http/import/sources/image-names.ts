import { parseRepositoryName, type RepositoryName } from "../../../../registry/model/repository-name.ts";
import { parseTag, type Tag } from "../../../../registry/model/tag.ts";
import { SourceError } from "./import-source.ts";

/** Of repositories in a message. */
const MAX_NAMED = 5;

/** What a file calls an image: a tag alone, or a repository with or without a tag. */
export interface ImageName {
  readonly repository: RepositoryName | undefined;
  readonly tag: Tag | undefined;
}

/** Reads `v1`, `app:v1` or `registry.example.org:5000/team/app:v1`, without the host; `undefined` if it is none of these. */
export function parseImageName(text: string): ImageName | undefined {
  const plain = text.replace(/@[^@]*$/, "");
  const slash = plain.lastIndexOf("/");
  const colon = plain.lastIndexOf(":");
  if (slash < 0 && colon < 0) {
    const tag = parseTag(plain);
    return tag && { repository: undefined, tag };
  }
  const [name, tagText] =
    colon > slash ? [plain.slice(0, colon), plain.slice(colon + 1)] : [plain, undefined];
  const repository = parseRepositoryName(withoutHost(name));
  const tag = tagText === undefined ? undefined : parseTag(tagText);
  return repository && (tag || tagText === undefined) ? { repository, tag } : undefined;
}

/**
 * The repositories that a file names, with the given one in place of the only one. What the file gives a tag alone is in the
 * given one already, and then the others stay. Throws `SourceError` if it names several.
 */
export function inGivenRepository<T>(
  named: ReadonlyMap<RepositoryName, T>,
  given: RepositoryName | undefined,
  place: string,
): ReadonlyMap<RepositoryName, T> {
  const [only, ...others] = named;
  if (!given || named.has(given) || !only) return named;
  if (others.length === 0) return new Map([[given, only[1]]]);
  const names = [...named.keys()].sort().slice(0, MAX_NAMED).join(", ");
  const more = named.size > MAX_NAMED ? ` and ${named.size - MAX_NAMED} more` : "";
  throw new SourceError(
    `${place} names ${named.size} repositories (${names}${more}), and '${given}' can't stand for all of them: leave out --repository; --repositories selects some, and --prefix is put before their names`,
    { kind: "invalid" },
  );
}

/** As docker does: the first component is a host if it has a dot or a port, or is `localhost`. */
function withoutHost(name: string): string {
  const [first = "", ...rest] = name.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost ? rest.join("/") : name;
}
