/** The elements of a pattern that stand for others. */
export interface Wildcards<T> {
  /** Stands for any number of elements, none too. */
  readonly any: T;
  /** Stands for exactly one. */
  readonly one?: T;
}

/**
 * Whether a pattern matches the whole subject. It takes at most (pattern + 1) × (subject + 1) steps: an element that
 * matches any number is extended only while it is the last one seen. `onStep` is called at each step, for counting.
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
    const wanted = p < pattern.length ? pattern[p] : undefined;
    if (wanted === any) {
      lastAny = p++;
      anyEnd = s;
    } else if (wanted !== undefined && (wanted === one || wanted === subject[s])) {
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
