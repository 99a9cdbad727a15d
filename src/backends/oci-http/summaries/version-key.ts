/** Digits of the longest number whose value counts. */
const MAX_DIGITS = 99;
/** Sorts after every character of a tag, so that `1.0-rc1` comes before `1.0`, and the moving tag `1.0` after `1.0.1`. */
const END = "\x7f";

/** A text that sorts by its bytes as the versions in tags do: `v1.9` before `v1.10`, with or without the `v`. */
export function versionKey(tag: string): string {
  const version = tag.replace(/^v(?=\d)/, "");
  return (
    version.replace(/\d+/g, (digits) => {
      const number = digits.replace(/^0+(?=\d)/, "").slice(0, MAX_DIGITS);
      return `${String(number.length).padStart(2, "0")}${number}`;
    }) + END
  );
}
