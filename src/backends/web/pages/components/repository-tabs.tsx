import type { InContext } from "../../requests/web-context.ts";

interface RepositoryTabsProps extends InContext {
  readonly repository: string;
  readonly current: keyof typeof TABS;
}

/** The views of a repository, in the order in which they are shown; `path` is behind that of the repository. */
const TABS = {
  tags: { text: "Tags", path: "" },
  history: { text: "History", path: "/-/log" },
  space: { text: "Space", path: "/-/space" },
} as const;

/** The way between the views of a repository. */
export function RepositoryTabs({ context, repository, current }: RepositoryTabsProps) {
  return (
    <nav class="tabs" aria-label="Views of the repository">
      {Object.entries(TABS).map(([key, { text, path }]) => (
        <a
          key={key}
          href={context.links.repository(repository, path)}
          aria-current={key === current ? "page" : undefined}
        >
          {text}
        </a>
      ))}
    </nav>
  );
}
