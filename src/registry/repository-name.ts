/** A repository's name, such as `team/app` (distribution-spec, "Pulling manifests"). */
export type RepositoryName = string & { readonly __brand: "RepositoryName" };

const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const NAME = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
/** Clients limit host and name together to 255. */
const MAX_LENGTH = 255;

export function parseRepositoryName(text: string): RepositoryName | undefined {
  return text.length <= MAX_LENGTH && NAME.test(text) ? (text as RepositoryName) : undefined;
}
