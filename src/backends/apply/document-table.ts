import { ExpectedError } from "../../primitives/expected-error.ts";
import { plainText } from "../../primitives/text/records.ts";
import type { Grant } from "../../primitives/users/access-file.ts";
import { parseAccessPattern } from "../../primitives/users/access-path.ts";
import { parseRole, ROLES } from "../../primitives/users/role.ts";
import type { DocumentLines } from "./document-lines.ts";

/** The document is invalid; the message names the line. */
export class InvalidDocumentError extends ExpectedError {
  override readonly name = "InvalidDocumentError";
  override readonly kind = "invalid";

  static at(line: number | undefined, reason: string): InvalidDocumentError {
    return new InvalidDocumentError(line === undefined ? reason : `line ${line}: ${reason}`);
  }
}

export type TableKind = "user" | "group" | "registry";

/** One table of the document, such as `[[user]]`. Its methods throw `InvalidDocumentError`. */
export class DocumentTable {
  readonly row: Readonly<Record<string, unknown>>;
  readonly #kind: TableKind;
  readonly #index: number;
  readonly #lines: DocumentLines;

  constructor(kind: TableKind, index: number, value: unknown, lines: DocumentLines) {
    this.#kind = kind;
    this.#index = index;
    this.#lines = lines;
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw this.fault(undefined, `'${kind}' is not a list of tables, written as [[${kind}]]`);
    this.row = value as Record<string, unknown>;
  }

  fault(key: string | undefined, reason: string): InvalidDocumentError {
    return InvalidDocumentError.at(this.#lines.ofTable(this.#kind, this.#index, key), reason);
  }

  /** Refuses keys that are not `known`; `meant` has words for some of them. */
  refuseOthers(known: readonly string[], meant: Readonly<Record<string, string>> = {}): void {
    for (const key of Object.keys(this.row)) {
      if (known.includes(key)) continue;
      const advice = Object.hasOwn(meant, key) ? meant[key] : undefined;
      throw this.fault(key, advice ?? `unknown key '${key}'; [[${this.#kind}]] has ${known.join(", ")}`);
    }
  }

  text(key: string): string | undefined {
    const value = this.row[key];
    if (value === undefined || typeof value === "string") return value;
    throw this.fault(key, `'${key}' is not a string`);
  }

  flag(key: string): boolean | undefined {
    const value = this.row[key];
    if (value === undefined || typeof value === "boolean") return value;
    throw this.fault(key, `'${key}' is neither true nor false`);
  }

  texts(key: string): readonly string[] | undefined {
    const value = this.row[key];
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((text): text is string => typeof text === "string")) return value;
    throw this.fault(key, `'${key}' is not a list of strings`);
  }

  /** Reads `grants = [{ path = "…", role = "…" }]`. */
  grants(): readonly Grant[] | undefined {
    const value = this.row["grants"];
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.fault("grants", "'grants' is not a list of tables");
    const grants = value.map((row) => this.#grant(row));
    if (new Set(grants.map(({ path }) => path)).size < grants.length)
      throw this.fault("grants", "'grants' has a path twice");
    return grants;
  }

  #grant(row: unknown): Grant {
    const { path: pathText, role: roleText, ...others } = Object(row) as Record<string, unknown>;
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) throw this.fault("grants", `unknown key '${unknown}' of a grant`);
    const [text, word] = [plainText(pathText), plainText(roleText)];
    const [path, role] = [parseAccessPattern(text), parseRole(word)];
    if (!path) throw this.fault("grants", `'${text}' is not an access path such as http/oci/default`);
    if (!role) throw this.fault("grants", `'${word}' is not a role; use one of ${ROLES.join(", ")}`);
    return { path, role };
  }
}
