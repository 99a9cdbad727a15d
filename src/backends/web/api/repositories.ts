import { type Static, Type } from "typebox";
import { listRepositories } from "../../oci-http/operations/list.ts";
import type { WebContext } from "../requests/web-context.ts";
import { apiRoute } from "./api-route.ts";
import { DEFAULT_LIMIT, Next, PAGE_QUERY } from "./schemas.ts";

const Repository = Type.Object({
  name: Type.String(),
  tags: Type.Integer({ description: "number of tags" }),
});

const RepositoryPage = Type.Object({ repositories: Type.Array(Repository), next: Next });
export type RepositoryPage = Static<typeof RepositoryPage>;

interface RepositoriesQuery {
  readonly cursor?: string;
  readonly limit?: number;
}

/** A page of the repositories that the actor may read, by name. */
export async function repositoriesPage(
  { services, actor, config }: WebContext,
  { cursor, limit = DEFAULT_LIMIT }: RepositoriesQuery,
): Promise<RepositoryPage> {
  const repositories: Static<typeof Repository>[] = [];
  const request = { instance: config.name, ...(cursor !== undefined && { last: cursor }) };
  for await (const { repository, tags } of listRepositories(services, actor, request)) {
    const last = repositories.at(-1);
    if (repositories.length === limit && last) return { repositories, next: last.name };
    repositories.push({ name: repository, tags });
  }
  return { repositories };
}

export const REPOSITORY_ROUTES = [
  apiRoute({
    method: "GET",
    path: "/repositories",
    operationId: "listRepositories",
    summary: "The repositories that the user may read.",
    query: PAGE_QUERY,
    response: RepositoryPage,
    handle: (context, { query }) => repositoriesPage(context, query),
  }),
];
