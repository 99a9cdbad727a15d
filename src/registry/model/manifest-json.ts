import { isRecord } from "../../primitives/text/records.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Thrown for bytes that are not a valid manifest; the message says why, for the client. */
export class InvalidManifest extends Error {}

/** Maximal nesting of lists and objects: JSON parsers and printers recurse once for each level. */
const MAX_DEPTH = 1000;
/** Maximal characters of the client's input that an error message repeats. */
export const MAX_ECHO = 100;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** Parses the JSON of a stored manifest. Throws `InvalidManifest`. */
export function parseJson(bytes: Uint8Array): JsonObject {
  return parseScanned(bytes, scanJson(bytes));
}

/** Like `parseJson`, for a push: JSON that some clients would refuse or read in another way is invalid as well. */
export function parseUnambiguousJson(bytes: Uint8Array): JsonObject {
  if (BYTE_ORDER_MARK.every((byte, at) => bytes[at] === byte))
    throw new InvalidManifest(
      "it begins with a byte order mark, which JSON must not have (RFC 8259, section 8.1)",
    );
  const scan = scanJson(bytes);
  const json = parseScanned(bytes, scan);
  // Of a key that occurs twice, `JSON.parse` keeps one member.
  const fault =
    scan.hasFraction || countMembers(json) !== scan.members ? ambiguityOf(decode(bytes)) : undefined;
  if (fault !== undefined) throw new InvalidManifest(fault);
  return json;
}

function parseScanned(bytes: Uint8Array, { isTooDeep }: JsonScan): JsonObject {
  if (isTooDeep) throw new InvalidManifest(`lists and objects are nested more than ${MAX_DEPTH} levels deep`);
  let json: unknown;
  try {
    json = JSON.parse(decode(bytes));
  } catch {
    throw new InvalidManifest("it is not valid JSON in UTF-8");
  }
  if (!isRecord(json)) throw new InvalidManifest("it is not a JSON object");
  return json;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

/** What one pass over the bytes finds out before they are parsed. It means nothing if they are not JSON. */
interface JsonScan {
  readonly isTooDeep: boolean;
  /** Number of members of all objects. */
  readonly members: number;
  /** Whether a number has a fraction or an exponent. */
  readonly hasFraction: boolean;
}

const [QUOTE, BACKSLASH, COLON, DOT, UPPER_E, LOWER_E, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] =
  Buffer.from('"\\:.Ee[]{}');
const [ZERO = 0, NINE = 0] = Buffer.from("09");

function scanJson(json: Uint8Array): JsonScan {
  let depth = 0;
  let members = 0;
  let hasFraction = false;
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case QUOTE:
        for (at++; at < json.length && json[at] !== QUOTE; at++) if (json[at] === BACKSLASH) at++;
        break;
      case COLON:
        members++;
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        if (++depth > MAX_DEPTH) return { isTooDeep: true, members, hasFraction };
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth--;
        break;
      case DOT:
      case UPPER_E:
        hasFraction = true;
        break;
      case LOWER_E: {
        // An exponent, or the last letter of `true` or `false`.
        const before = json[at - 1] ?? 0;
        if (before >= ZERO && before <= NINE) hasFraction = true;
      }
    }
  }
  return { isTooDeep: false, members, hasFraction };
}

/** The members of all objects in a parsed value. */
function countMembers(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const values = Object.values(value);
  let members = Array.isArray(value) ? 0 : values.length;
  for (const item of values) if (typeof item === "object") members += countMembers(item);
  return members;
}

/** The numbers that the specs define; Go's parser refuses any spelling of them but plain digits. */
const WHOLE_NUMBERS: readonly unknown[] = ["size", "schemaVersion"];
const FRACTION = /\s*-?\d+[.eE]/y;

/** Why parsers may disagree about valid JSON, if they may. */
function ambiguityOf(json: string): string | undefined {
  /** The keys of the objects around the current place; `undefined` for lists and objects without a key so far. */
  const open: (Set<unknown> | undefined)[] = [];
  let string = "";
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case '"': {
        const start = at;
        for (at++; json[at] !== '"'; at++) if (json[at] === "\\") at++;
        string = json.slice(start, at + 1);
        break;
      }
      case ":": {
        const key: unknown = JSON.parse(string);
        const keys = open.pop() ?? new Set();
        open.push(keys);
        if (keys.has(key)) return `the key ${string.slice(0, MAX_ECHO)} occurs twice in one object`;
        keys.add(key);
        FRACTION.lastIndex = at + 1;
        if (WHOLE_NUMBERS.includes(key) && FRACTION.test(json))
          return `the number of ${string} is not written in plain digits`;
        break;
      }
      case "{":
      case "[":
        open.push(undefined);
        break;
      case "}":
      case "]":
        open.pop();
    }
  }
  return undefined;
}
