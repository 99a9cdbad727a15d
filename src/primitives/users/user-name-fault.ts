/** In characters. E-mail addresses are longer than names. */
const MAX_LENGTH = 128;
/** The usual form, tested first. */
const SLUG = /^[a-z0-9]+([._-][a-z0-9]+)*$/;
/** Characters that file names, authors of commits, HTTP Basic, SSH and the console's lines can carry. */
const ALLOWED = /^[a-z0-9._@+$-]$/;
const EDGE = /^[a-z0-9_]$/;
const RULE = "a login has lower-case letters, digits and . _ - @ + $";
/** The domain of the server's own commits. */
const OWN_DOMAIN = "@everlock";

/**
 * Why a text is no login, in words that follow it; `undefined` if it is one. Logins are those of people (`alice`,
 * `alice@example.com`, `first.last`) and of robots in other registries (`robot$ci`, `org+robot`, `_json_key`).
 */
export function userNameFault(text: string): string | undefined {
  if (text.length <= MAX_LENGTH && SLUG.test(text)) return undefined;
  if (text === "") return "it is empty";
  if (text.length > MAX_LENGTH) return `it has ${text.length} characters, of ${MAX_LENGTH} allowed ones`;
  const odd = [...text].find((char) => !ALLOWED.test(char));
  if (odd !== undefined) return characterFault(text, odd);
  const [first = "", last = ""] = [text.at(0), text.at(-1)];
  if (!EDGE.test(first)) return `it begins with '${first}'; let it begin with a letter, a digit or _`;
  if (!EDGE.test(last)) return `it ends with '${last}'; let it end with a letter, a digit or _`;
  if (!/[a-z0-9]/.test(text)) return "it has no letter and no digit";
  if (text.includes("..")) return "it has two dots in a row";
  if (text.indexOf("@") !== text.lastIndexOf("@")) return "it has more than one @";
  if (text.endsWith(OWN_DOMAIN))
    return `commits of the server itself have addresses that end with ${OWN_DOMAIN}`;
  return undefined;
}

function characterFault(text: string, odd: string): string {
  const lower = text.toLowerCase();
  if (lower !== text && userNameFault(lower) === undefined)
    return `upper case is not allowed; use '${lower}'`;
  return `it has '${odd}'; ${RULE}`;
}
