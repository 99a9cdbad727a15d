/** One challenge of a WWW-Authenticate header (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** By name in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const PARAMETER = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/;
const SCHEME = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?=\s|,|$)/;
const MAX_CHALLENGES = 8;

/** What can't be read ends the list. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let rest = header;
  let parameters = new Map<string, string>();
  while (challenges.length <= MAX_CHALLENGES) {
    rest = rest.replace(/^[\s,]+/, "");
    const parameter = challenges.length > 0 ? PARAMETER.exec(rest) : null;
    const scheme = parameter ? null : SCHEME.exec(rest);
    const match = parameter ?? scheme;
    if (!match) break;
    rest = rest.slice(match[0].length);
    if (parameter) {
      const [, name = "", quoted, plain = ""] = parameter;
      parameters.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, "$1") ?? plain);
    } else {
      parameters = new Map();
      challenges.push({ scheme: (match[1] ?? "").toLowerCase(), parameters });
    }
  }
  return challenges;
}
