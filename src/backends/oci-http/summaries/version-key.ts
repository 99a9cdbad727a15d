/** Digits of the longest number whose value counts. */
const MAX_DIGITS = 99;
/** Sorts after every character of a tag, so that `1.0-rc1` comes before `1.0`, and the moving tag `1.0` after `1.0.1`. */
const END = "\x7f";

const ZERO = "0".charCodeAt(0);
const NINE = "9".charCodeAt(0);

/** A text that sorts by its bytes as the versions in tags do: `v1.9` before `v1.10`, with or without the `v`. */
export function versionKey(tag: string): string {
  let key = "";
  for (let at = tag.startsWith("v") && isDigit(tag, 1) ? 1 : 0; at < tag.length; ) {
    let end = at;
    while (isDigit(tag, end)) end++;
    if (end === at) {
      key += tag[at++];
      continue;
    }
    while (at < end - 1 && tag.charCodeAt(at) === ZERO) at++;
    const number = tag.slice(at, Math.min(end, at + MAX_DIGITS));
    key += (number.length < 10 ? "0" : "") + number.length + number;
    at = end;
  }
  return key + END;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= ZERO && code <= NINE;
}
