import type { ImportTarget } from "../../backends/oci-http/import/target/import-target.ts";
import type { FailureKind } from "../../primitives/errors/failure.ts";

export const IMPORT_PATH = "/import/";

/** Adds users; takes a `UserImport`. */
export const USERS_CALL = "users";

export type ImportCall = keyof ImportTarget;

/** The answer to a call: its result, or why it failed. */
export type ImportReply =
  | { readonly result: unknown }
  | { readonly error: string; readonly failure: FailureKind; readonly hint?: string | undefined };
