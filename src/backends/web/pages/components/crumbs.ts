import type { InContext } from "../../requests/web-context.ts";

export interface InRepository extends InContext {
  readonly repository: string;
}

/** The pages above those of a repository's content. */
export function crumbsOf({ context: { links }, repository }: InRepository) {
  return [
    { text: "Repositories", href: links.to("/") },
    { text: repository, href: links.repository(repository) },
  ];
}
