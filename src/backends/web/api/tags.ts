import { type Static, type TObject, Type } from "typebox";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag as TagName } from "../../../registry/model/tag.ts";
import { describeTag } from "../../oci-http/operations/found-tag.ts";
import { type FoundTag, searchTags } from "../../oci-http/operations/search-tags.ts";
import type { WebContext } from "../requests/web-context.ts";
import { apiRoute } from "./api-route.ts";
import { repositoryIn, tagIn } from "./path-values.ts";
import { DEFAULT_LIMIT, DigestText, Next, PAGE_QUERY, PullTime, Time } from "./schemas.ts";

const Tag = Type.Object({
  tag: Type.String(),
  digest: DigestText,
  size: Type.Integer({ description: "bytes that a pull of all platforms downloads, each blob once" }),
  platforms: Type.Array(Type.String(), { examples: [["linux/amd64", "linux/arm64"]] }),
  mediaType: Type.Optional(Type.String({ description: "absent if the manifest is missing" })),
  artifactType: Type.Optional(Type.String()),
  pushed: Type.Optional(Time),
  by: Type.Optional(Type.String({ description: "who set the tag last" })),
  pulled: Type.Optional(PullTime),
  writeOnce: Type.Boolean({ description: "whether no later push can move it" }),
  expires: Type.Optional(Type.String({ description: "the cleanup rule whose next run deletes the tag" })),
});

const TagPage = Type.Object({
  tags: Type.Array(Tag),
  next: Next,
  total: Type.Optional(Type.Integer({ description: "of all that match; absent if not counted" })),
});

const TAG_SORTS = ["pushed", "version", "name", "size"] as const;
export const TAGS_QUERY = {
  ...PAGE_QUERY,
  text: Type.Optional(Type.String({ maxLength: 128, description: "a part of the tag, in any case" })),
  sort: Type.Optional(
    Type.Enum(TAG_SORTS, {
      description: "`pushed`, the newest first, by default; `version`: numbers in names as numbers",
    }),
  ),
  descending: Type.Optional(Type.Boolean()),
};
export type TagsQuery = Static<TObject<typeof TAGS_QUERY>>;

/** The order that a query asks for. */
export function tagOrder({ sort, descending }: TagsQuery) {
  return { sort: sort ?? "pushed", descending: descending ?? sort === undefined };
}

/** A page of the tags of a repository. */
export function findTags(
  { services, actor, config, at }: WebContext,
  repository: RepositoryName,
  query: TagsQuery,
) {
  const { limit = DEFAULT_LIMIT, cursor, text } = query;
  const search = { instance: config.name, repository, text, ...tagOrder(query), cursor, limit, at };
  return searchTags(services, actor, search);
}

/** One tag. */
export function findTag(
  { services, actor, config, at }: WebContext,
  repository: RepositoryName,
  tag: TagName,
) {
  return describeTag(services, actor, { instance: config.name, repository, tag, at });
}

function tagOf({ tag, digest, size, platforms, ...found }: FoundTag): Static<typeof Tag> {
  const { mediaType, artifactType, pushed, by, pulled, isWriteOnce, expires } = found;
  return {
    tag,
    digest,
    size,
    platforms: [...platforms],
    ...(mediaType !== undefined && { mediaType }),
    ...(artifactType !== undefined && { artifactType }),
    ...(pushed && { pushed: pushed.toISOString() }),
    ...(by !== undefined && { by }),
    ...(pulled && { pulled: pulled.toISOString() }),
    writeOnce: isWriteOnce,
    ...(expires && { expires: expires.rule }),
  };
}

export const TAG_ROUTES = [
  apiRoute({
    method: "GET",
    path: "/repositories/{repository}/-/tags",
    operationId: "listTags",
    summary: "The tags of a repository.",
    query: TAGS_QUERY,
    response: TagPage,
    handle: async (context, { path, query }) => {
      const { entries, next, total } = await findTags(context, repositoryIn(path.repository), query);
      return {
        tags: entries.map(tagOf),
        ...(next !== undefined && { next }),
        ...(total !== undefined && { total }),
      };
    },
  }),
  apiRoute({
    method: "GET",
    path: "/repositories/{repository}/-/tags/{tag}",
    operationId: "getTag",
    summary: "A tag.",
    response: Tag,
    handle: async (context, { path }) =>
      tagOf(await findTag(context, repositoryIn(path.repository), tagIn(path.tag))),
  }),
];
