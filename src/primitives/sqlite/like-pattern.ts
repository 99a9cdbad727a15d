/** The pattern of SQL's `LIKE … ESCAPE '\'` for names that hold a text. */
export function likePattern(text: string): string {
  return `%${text.replace(/[\\%_]/g, (special) => `\\${special}`)}%`;
}
