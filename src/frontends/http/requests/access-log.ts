import { closeSync, fstatSync, openSync, statSync, writeSync } from "node:fs";
import { isSystemError } from "../../../primitives/fs/files.ts";
import { monotonicMs } from "../../../primitives/monotonic-clock.ts";
import { visibleText } from "../../../primitives/text/visible-text.ts";

export const ACCESS_LOG_FORMATS = ["json", "text"] as const;
export type AccessLogFormat = (typeof ACCESS_LOG_FORMATS)[number];

/** Destination of the access log; the path `-` is standard output. */
export interface AccessLogTarget {
  readonly path: string;
  readonly format: AccessLogFormat;
}

/** A completed request. */
export interface AccessLogEntry {
  readonly time: Date;
  /** The client's address: the peer's, or the one that a trusted proxy sent. */
  readonly remote: string;
  readonly user: string;
  /** The registry; empty if none has the requested host. */
  readonly instance: string;
  readonly repository: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  /** Body bytes. */
  readonly received: number;
  readonly sent: number;
  /** Milliseconds from the request head to the response head. */
  readonly ms: number;
  /** The User-Agent header. */
  readonly client: string;
}

const STANDARD_OUTPUT = "-";
/** Lines are buffered for this time, or up to this size, and written together. */
const FLUSH_MS = 100;
const FLUSH_BYTES = 32 * 1024;
/** Writes of this size to a pipe are atomic (POSIX, PIPE_BUF), so that the lines of threads do not mix. */
const PIPE_BYTES = 4096;
/** Maximal buffer for a slow reader of standard output; further lines are dropped, and that is reported. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** In characters; longer paths and User-Agent headers are cut. No valid path is that long. */
const MAX_PATH = 2048;
const MAX_CLIENT = 256;
/** Interval of checks whether the file was moved away, as `logrotate` does. */
const ROTATION_MS = 1000;

/** The access log of one thread. Several threads may append whole lines to the same file. Write errors never fail requests. */
export class AccessLog {
  readonly #target: AccessLogTarget;
  readonly #onError: (error: unknown) => void;
  #fd: number;
  #lines: Buffer[] = [];
  #bytes = 0;
  #timer: Timer | undefined;
  #checked = monotonicMs();
  #isFailing = false;

  /** Throws if the file can't be opened. `onError` gets later write errors, only the first until a write succeeds. */
  constructor(target: AccessLogTarget, onError: (error: unknown) => void) {
    this.#target = target;
    this.#onError = onError;
    this.#fd = open(target.path);
  }

  write(entry: AccessLogEntry): void {
    if (this.#bytes > MAX_WAITING_BYTES) {
      this.#fail(new Error("the reader is too slow; requests are not logged"));
      return;
    }
    const { path, client } = entry;
    const logged = { ...entry, path: path.slice(0, MAX_PATH), client: client.slice(0, MAX_CLIENT) };
    const text = this.#target.format === "json" ? JSON.stringify(logged) : textOf(logged);
    const line = Buffer.from(`${visibleText(text)}\n`);
    const before = this.#bytes;
    this.#lines.push(line);
    this.#bytes += line.length;
    // Flush once for each FLUSH_BYTES added, also while a slow reader lets the buffer grow.
    const isFull = Math.floor(before / FLUSH_BYTES) < Math.floor(this.#bytes / FLUSH_BYTES);
    if (isFull) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      this.#followRotation();
      this.#writeLines();
      this.#isFailing = false;
    } catch (error) {
      if (isSystemError(error, "EAGAIN")) {
        this.#timer = setTimeout(() => this.flush(), FLUSH_MS);
        return;
      }
      this.#lines = [];
      this.#fail(error);
    } finally {
      this.#bytes = this.#lines.reduce((sum, { length }) => sum + length, 0);
    }
  }

  close(): void {
    this.flush();
    clearTimeout(this.#timer);
    if (this.#target.path !== STANDARD_OUTPUT) closeSync(this.#fd);
  }

  /** Lines that could not be written stay buffered. */
  #writeLines(): void {
    const limit = this.#target.path === STANDARD_OUTPUT ? PIPE_BYTES : FLUSH_BYTES;
    let done = 0;
    try {
      while (done < this.#lines.length) {
        let end = done;
        let size = 0;
        do size += this.#lines[end++]?.length ?? 0;
        while (end < this.#lines.length && size + (this.#lines[end]?.length ?? 0) <= limit);
        writeWhole(this.#fd, Buffer.concat(this.#lines.slice(done, end)));
        done = end;
      }
    } finally {
      this.#lines = this.#lines.slice(done);
    }
  }

  #fail(error: unknown): void {
    if (!this.#isFailing) this.#onError(error);
    this.#isFailing = true;
  }

  #followRotation(): void {
    const { path } = this.#target;
    const now = monotonicMs();
    if (path === STANDARD_OUTPUT || now - this.#checked < ROTATION_MS) return;
    this.#checked = now;
    if (statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(this.#fd).ino) return;
    const before = this.#fd;
    this.#fd = open(path);
    closeSync(before);
  }
}

function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function open(path: string): number {
  return path === STANDARD_OUTPUT ? process.stdout.fd : openSync(path, "a", 0o640);
}

function textOf(entry: AccessLogEntry): string {
  const { time, remote, user, instance, repository, method, path, status, received, sent, ms, client } =
    entry;
  const words = [
    time.toISOString(),
    remote,
    user,
    instance || "-",
    repository || "-",
    method,
    printable(path),
    status,
  ];
  return `${words.join(" ")} in=${received} out=${sent} ${ms}ms "${printable(client)}"`;
}

/** Escapes client input, which must not forge another line or end its quotes. */
function printable(text: string): string {
  return text.replaceAll(
    /[^\x20-\x7e]|["\\]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
