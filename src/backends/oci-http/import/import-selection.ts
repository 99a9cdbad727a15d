import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { parseSelection, type Selection, selectsRepository, tagMatcher } from "../operations/selection.ts";
import type { ImportSelection } from "./import-types.ts";

export interface SelectedImport extends ImportSelection {
  /** The repositories, if none of the patterns has a wildcard. */
  readonly named: readonly RepositoryName[] | undefined;
  /** The patterns that have selected nothing so far. */
  unused(): readonly string[];
}

/** Parses patterns such as `team/**` and `app:v*,latest`; without any, all is selected. Returns a pattern that is none. */
export function parseImportSelection(
  patterns: readonly string[],
  options: { readonly taggedOnly: boolean; readonly prefix: string },
): SelectedImport | { readonly wrong: string } {
  const selections: Selection[] = [];
  for (const text of patterns) {
    const selection = parseSelection(text);
    if (!selection || selection.part.kind === "manifest") return { wrong: text };
    selections.push(selection);
  }
  const { taggedOnly, prefix } = options;
  const isAll = selections.length === 0;
  const used = new Set<Selection>();
  const chosen = (repository: RepositoryName) =>
    selections.filter((selection) => selectsRepository(selection, repository));
  const isChosen = (repository: RepositoryName) => {
    const some = chosen(repository);
    for (const selection of some) if (selection.part.kind === "repository") used.add(selection);
    return some.length > 0;
  };
  const isTagChosen = (repository: RepositoryName, tag: Tag) => {
    const some = chosen(repository).filter((selection) => hasTag(selection, tag));
    for (const selection of some) used.add(selection);
    return some.length > 0;
  };
  const named = selections.flatMap(({ repository }) => repository ?? []);
  return {
    named: isAll || named.length < selections.length ? undefined : [...new Set(named)],
    prefix,
    unused: () => selections.filter((selection) => !used.has(selection)).map(({ text }) => text),
    includes: (repository) => isAll || isChosen(repository),
    includesTag: (repository, tag) => isAll || isTagChosen(repository, tag),
    includesUntagged: (repository) =>
      !taggedOnly && (isAll || chosen(repository).some(({ part }) => part.kind === "repository")),
  };
}

function hasTag({ part }: Selection, tag: Tag): boolean {
  return part.kind === "repository" || (part.kind === "tags" && tagMatcher(part.patterns)(tag));
}
