/** A repository name, such as `team/app` (distribution-spec, "Pulling manifests"). */
export type RepositoryName = string & { readonly __brand: "RepositoryName" };

/** Components separated by slashes; each begins and ends with a letter or digit. */
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
/** In characters. Clients limit host and name together to 255. */
const MAX_LENGTH = 255;

export function parseRepositoryName(text: string): RepositoryName | undefined {
  return text.length <= MAX_LENGTH && NAME.test(text) ? (text as RepositoryName) : undefined;
}
