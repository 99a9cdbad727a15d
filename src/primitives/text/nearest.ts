/** Longer words are not compared: nobody mistypes them by two letters, and the comparison costs their product. */
const MAX_LENGTH = 64;

/** Most candidates that are compared with a word. */
const MAX_COMPARED = 10_000;
/** A shorter beginning of a word says too little about it. */
const MIN_BEGINNING = 2;

/**
 * The candidate that a person most likely meant by a mistyped word: at most two letters differ, or a third of a short word.
 * Else the only one that begins with the word. `undefined` if there is none.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > MAX_LENGTH) return undefined;
  const limit = Math.min(2, Math.floor(word.length / 3));
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  const longer: string[] = [];
  let compared = 0;
  for (const candidate of candidates) {
    if (compared++ === MAX_COMPARED) break;
    if (longer.length < 2 && candidate.startsWith(word)) longer.push(candidate);
    if (Math.abs(candidate.length - word.length) > limit) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && distance < (best?.distance ?? Number.POSITIVE_INFINITY))
      best = { candidate, distance };
  }
  const [only] = longer.length === 1 && word.length >= MIN_BEGINNING ? longer : [];
  return best?.candidate ?? only;
}

/** `did you mean 'serve'?`, the hint of an error, if there is a near word. */
export function meantHint(word: string, candidates: Iterable<string>): string | undefined {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? undefined : `did you mean '${candidate}'?`;
}

/** `; did you mean 'serve'?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const hint = meantHint(word, candidates);
  return hint === undefined ? "" : `; ${hint}`;
}

/** The number of letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? (before[j - 2] ?? Number.POSITIVE_INFINITY) + 1
          : Number.POSITIVE_INFINITY;
      row.push(Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, swapped));
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
