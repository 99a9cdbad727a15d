import { type Static, type TObject, Type } from "typebox";
import { type FoundRepository, searchRepositories } from "../../oci-http/operations/search-repositories.ts";
import type { WebContext } from "../requests/web-context.ts";
import { apiRoute } from "./api-route.ts";
import { DEFAULT_LIMIT, Next, PAGE_QUERY, Time } from "./schemas.ts";

const Repository = Type.Object({
  name: Type.String(),
  tags: Type.Integer({ description: "number of tags" }),
  size: Type.Optional(
    Type.Integer({ description: "bytes of its content, each blob once; absent if unknown" }),
  ),
  pushed: Type.Optional(Time),
  by: Type.Optional(Type.String({ description: "who pushed last" })),
  public: Type.Boolean({ description: "whether everybody may pull" }),
});

const RepositoryPage = Type.Object({
  repositories: Type.Array(Repository),
  next: Next,
  total: Type.Optional(Type.Integer({ description: "of all that match; absent if not counted" })),
});
export type RepositoryPage = Static<typeof RepositoryPage>;

const REPOSITORY_SORTS = ["name", "pushed", "size", "tags"] as const;
export const REPOSITORIES_QUERY = {
  ...PAGE_QUERY,
  text: Type.Optional(Type.String({ maxLength: 255, description: "a part of the name" })),
  sort: Type.Optional(Type.Enum(REPOSITORY_SORTS, { description: "`name` by default" })),
  descending: Type.Optional(Type.Boolean()),
};
export type RepositoriesQuery = Static<TObject<typeof REPOSITORIES_QUERY>>;

/** A page of the repositories that the actor may read. */
export function findRepositories({ services, actor, config, at }: WebContext, query: RepositoriesQuery) {
  const { sort = "name", descending = false, limit = DEFAULT_LIMIT, cursor, text } = query;
  const search = { instance: config.name, text, sort, descending, cursor, limit, at };
  return searchRepositories(services, actor, search);
}

function repositoryOf({
  repository,
  tags,
  size,
  pushed,
  by,
  isPublic,
}: FoundRepository): Static<typeof Repository> {
  return {
    name: repository,
    tags,
    ...(size !== undefined && { size }),
    ...(pushed && { pushed: pushed.toISOString() }),
    ...(by !== undefined && { by }),
    public: isPublic,
  };
}

export const REPOSITORY_ROUTES = [
  apiRoute({
    method: "GET",
    path: "/repositories",
    operationId: "listRepositories",
    summary: "The repositories that the user may read.",
    query: REPOSITORIES_QUERY,
    response: RepositoryPage,
    handle: async (context, { query }) => {
      const { entries, next, total } = await findRepositories(context, query);
      return {
        repositories: entries.map(repositoryOf),
        ...(next !== undefined && { next }),
        ...(total !== undefined && { total }),
      };
    },
  }),
];
