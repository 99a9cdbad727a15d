import { parseRepositoryName, type RepositoryName } from "../../../../registry/model/repository-name.ts";
import { parseTag, type Tag } from "../../../../registry/model/tag.ts";

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

/** As docker does: the first component is a host if it has a dot or a port, or is `localhost`. */
function withoutHost(name: string): string {
  const [first = "", ...rest] = name.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost ? rest.join("/") : name;
}
