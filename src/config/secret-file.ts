import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { messageOf } from "../primitives/expected-error.ts";
import { UsageError } from "./settings.ts";

/** Longer than any password or key. A device or wrong file is not read to its end. */
const MAX_BYTES = 8192;
const OTHERS_MAY_READ = 0o044;
const OTHERS_MAY_WRITE = 0o022;

/** What other users than the owner can do with the file; a writer could choose the secret. */
export type SecretExposure = "readable" | "writable";

export interface SecretFile {
  /** Without the line feed at the end. */
  readonly secret: string;
  /** `undefined` for a private file, and for a pipe, which no other process can read. */
  readonly exposure: SecretExposure | undefined;
}

/** Reads a secret from a file or a pipe. Throws `UsageError` with the setting, as messages name it, and the path in its message. */
export function readSecretFile(path: string, setting: string): SecretFile {
  const fail = (reason: string): never => {
    throw new UsageError(`${setting}: ${path} ${reason}`);
  };
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    return fail(`can't be read: ${messageOf(error)}`);
  }
  try {
    const { mode, isFile } = statOf(fd);
    const bytes = readBounded(fd);
    if (!bytes) return fail(`is longer than ${MAX_BYTES} bytes`);
    return {
      secret: decode(bytes) ?? fail("is not UTF-8"),
      exposure: isFile ? exposureIn(mode) : undefined,
    };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return fail(`can't be read: ${messageOf(error)}`);
  } finally {
    closeSync(fd);
  }
}

/** What other users can do with a file that something else reads; `undefined` also if there is none. */
export function exposureOf(path: string): SecretExposure | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() ? exposureIn(stat.mode) : undefined;
}

function exposureIn(mode: number): SecretExposure | undefined {
  return mode & OTHERS_MAY_WRITE ? "writable" : mode & OTHERS_MAY_READ ? "readable" : undefined;
}

function statOf(fd: number): { readonly mode: number; readonly isFile: boolean } {
  const stat = fstatSync(fd);
  return { mode: stat.mode, isFile: stat.isFile() };
}

/** `undefined` if the file is longer than `MAX_BYTES`. */
function readBounded(fd: number): Uint8Array | undefined {
  const buffer = Buffer.alloc(MAX_BYTES + 1);
  let size = 0;
  while (size < buffer.length) {
    const read = readSync(fd, buffer, size, buffer.length - size, null);
    if (read === 0) return buffer.subarray(0, size);
    size += read;
  }
  return undefined;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r?\n$/, "");
  } catch {
    return undefined;
  }
}
