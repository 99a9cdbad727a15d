/** The names that completion may offer to one user. */
export interface KnownNames {
  readonly isAdministrator: boolean;
  logins(): readonly string[];
  groups(): readonly string[];
  jobs(): readonly string[];
  registries(): readonly { readonly name: string; readonly vhosts: readonly string[] }[];
  /** The first repositories by name that begin with a text and that the user may read. */
  repositories(registry: string, text: string): Promise<readonly string[]>;
  /** The first tags by name that begin with a text, if the user may read the repository. */
  tags(registry: string, repository: string, text: string): Promise<readonly string[]>;
}

/** The word that is completed. */
export interface WordPlace {
  /** What is typed of it. */
  readonly text: string;
  /** The arguments before it. */
  readonly before: readonly string[];
}

/** Words that may stand at a place; those that do not begin with its text are left out by the caller. */
export type Candidates = (
  names: KnownNames,
  place: WordPlace,
) => readonly string[] | Promise<readonly string[]>;

/** Completes `<repository>` and `<repository>:<tag>`; `before` begins with the registry. */
export async function targetCandidates(
  names: KnownNames,
  { text, before: [registry = ""] }: WordPlace,
): Promise<readonly string[]> {
  const colon = text.indexOf(":");
  if (colon >= 0) return tagsOf(names, registry, text.slice(0, colon), text.slice(colon + 1));
  const repositories = await names.repositories(registry, text);
  const [only, ...others] = repositories;
  // Where the name is clear, its tags are what may follow.
  if (only === undefined || others.length > 0) return repositories;
  return [only, ...(await tagsOf(names, registry, only, ""))];
}

async function tagsOf(
  names: KnownNames,
  registry: string,
  repository: string,
  text: string,
): Promise<readonly string[]> {
  const tags = await names.tags(registry, repository, text);
  return tags.map((tag) => `${repository}:${tag}`);
}

/** Values after `word=`, such as `role=reader`, or the words alone while none is typed. */
export async function settingCandidates(
  words: Readonly<Record<string, Candidates | undefined>>,
  names: KnownNames,
  { text, before }: WordPlace,
): Promise<readonly string[]> {
  const equals = text.indexOf("=");
  if (equals < 0) return Object.keys(words).map((word) => `${word}=`);
  const word = text.slice(0, equals);
  const candidates = Object.hasOwn(words, word) ? words[word] : undefined;
  const values = (await candidates?.(names, { text: text.slice(equals + 1), before })) ?? [];
  return values.map((value) => `${word}=${value}`);
}
