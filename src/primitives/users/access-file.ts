import { parse, TomlError } from "smol-toml";
import { ExpectedError } from "../expected-error.ts";
import { plainText } from "../text/records.ts";
import { type AccessPattern, parseAccessPattern } from "./access-path.ts";
import { parseRole, type Role } from "./role.ts";

/** A role on everything that an access pattern covers. */
export interface Grant {
  readonly path: AccessPattern;
  readonly role: Role;
}

/** A file in the users store is invalid. */
export class InvalidAccessFileError extends ExpectedError {
  override readonly name = "InvalidAccessFileError";
  override readonly kind = "unusable";
  constructor(subject: string, reason: string) {
    super(`${subject}: ${reason}`);
  }
}

export type Row = Readonly<Record<string, unknown>>;

/** The TOML file of a user or group. Its methods throw `InvalidAccessFileError`. */
export class AccessFile {
  readonly #subject: string;
  readonly #table: Row;

  /** `subject` is the name in error messages, such as `user 'alice'`. */
  constructor(subject: string, bytes: Uint8Array) {
    this.#subject = subject;
    try {
      this.#table = parse(new TextDecoder().decode(bytes));
    } catch (error) {
      if (error instanceof TomlError) throw this.fault(`line ${error.line}: ${error.message.split("\n")[0]}`);
      throw error;
    }
  }

  fault(reason: string): InvalidAccessFileError {
    return new InvalidAccessFileError(this.#subject, reason);
  }

  text(key: string, fallback: string): string {
    const value = this.#table[key] ?? fallback;
    if (typeof value !== "string") throw this.fault(`${key} is not a string`);
    return value;
  }

  flag(key: string): boolean {
    const value = this.#table[key] ?? false;
    if (typeof value !== "boolean") throw this.fault(`${key} is neither true nor false`);
    return value;
  }

  /** A time in seconds since the epoch; `undefined` if there is none. */
  seconds(key: string): number | undefined {
    const value = this.#table[key];
    if (value !== undefined && typeof value !== "number")
      throw this.fault(`${key} is not a number of seconds`);
    return value;
  }

  texts(key: string): string[] {
    const value = this.#table[key] ?? [];
    if (!Array.isArray(value) || value.some((text) => typeof text !== "string")) {
      throw this.fault(`${key} is not a list of strings`);
    }
    return value;
  }

  rows(key: string): Row[] {
    const value = this.#table[key] ?? [];
    if (!Array.isArray(value) || value.some((row) => typeof row !== "object" || row === null)) {
      throw this.fault(`${key} is not a list of tables`);
    }
    return value;
  }

  grants(): Grant[] {
    return this.rows("grants").map((row) => this.grant(row));
  }

  grant(row: Row): Grant {
    const [pathText, roleText] = [plainText(row["path"]), plainText(row["role"])];
    const [path, role] = [parseAccessPattern(pathText), parseRole(roleText)];
    if (!path) throw this.fault(`grant path '${pathText}' is not frontend/backend/namespace`);
    if (!role) throw this.fault(`grant role '${roleText}' is none of reader, writer, owner`);
    return { path, role };
  }
}
