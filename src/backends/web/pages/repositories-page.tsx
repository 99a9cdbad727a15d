import { repositoriesPage } from "../api/repositories.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { Page } from "./page.ts";

/** `/`: the repositories. */
export const REPOSITORIES_PAGE: Page = {
  pattern: new RoutePattern("/"),
  async show(context) {
    const { links, query } = context;
    const cursor = query.get("cursor") ?? undefined;
    const { repositories, next } = await repositoriesPage(context, cursor === undefined ? {} : { cursor });
    return {
      title: "Repositories",
      body: (
        <>
          <h1>Repositories</h1>
          {repositories.length === 0 && <p class="empty">There is no repository that you may read.</p>}
          <ul>
            {repositories.map(({ name, tags }) => (
              <li key={name}>
                <a href={links.repository(name)}>{name}</a> <span>{tags}</span>
              </li>
            ))}
          </ul>
          {next !== undefined && <a href={links.to("/", { cursor: next })}>More</a>}
        </>
      ),
    };
  },
};
