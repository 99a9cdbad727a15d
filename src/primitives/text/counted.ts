/** A count with its noun, such as `1 tag` or `2 repositories`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}
