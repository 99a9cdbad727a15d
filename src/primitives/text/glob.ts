/** The wildcards of a pattern. */
export interface Wildcards<T> {
  /** Matches any number of elements, including none. */
  readonly any: T;
  /** Matches exactly one element. */
  readonly one?: T;
}

/**
 * Whether a pattern matches the whole subject, in at most (pattern + 1) × (subject + 1) steps: only the last `any` is
 * ever extended. `onStep` is called at each step, for tests.
 */
export function matchesGlob<T>(
  pattern: ArrayLike<T>,
  subject: ArrayLike<T>,
  { any, one }: Wildcards<T>,
  onStep?: () => void,
): boolean {
  let p = 0;
  let s = 0;
  let lastAny = -1;
  let anyEnd = 0;
  while (s < subject.length) {
    onStep?.();
    const element = p < pattern.length ? pattern[p] : undefined;
    if (element === any) {
      lastAny = p++;
      anyEnd = s;
    } else if (element !== undefined && (element === one || element === subject[s])) {
      p++;
      s++;
    } else if (lastAny >= 0) {
      p = lastAny + 1;
      s = ++anyEnd;
    } else {
      return false;
    }
  }
  while (p < pattern.length && pattern[p] === any) {
    onStep?.();
    p++;
  }
  return p === pattern.length;
}
