import { closeSync, fstatSync, openSync, statSync, writeSync } from "node:fs";
import { isSystemError } from "../../../primitives/fs/files.ts";
import { monotonicMs } from "../../../primitives/monotonic-clock.ts";
import { visibleText } from "../../../primitives/text/visible-text.ts";

export const ACCESS_LOG_FORMATS = ["json", "text"] as const;
export type AccessLogFormat = (typeof ACCESS_LOG_FORMATS)[number];

/** Where requests are logged; `path` `-` is standard output. */
export interface AccessLogTarget {
  readonly path: string;
  readonly format: AccessLogFormat;
}

/** A request that was answered. */
export interface AccessLogEntry {
  readonly time: Date;
  /** The client's address, as far as trusted proxies tell it. */
  readonly remote: string;
  readonly user: string;
  /** The registry; empty where no host of ours was asked for. */
  readonly instance: string;
  readonly repository: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  /** Bytes of the bodies. */
  readonly received: number;
  readonly sent: number;
  /** Milliseconds from the request's head to its answer. */
  readonly ms: number;
  /** User-Agent. */
  readonly client: string;
}

const STANDARD_OUTPUT = "-";
/** Lines wait so long, or until they are so many bytes, to be written together. */
const FLUSH_MS = 100;
const FLUSH_BYTES = 32 * 1024;
/** What a pipe takes as a whole or not at all (POSIX, PIPE_BUF), so that the lines of threads do not mix. */
const PIPE_BYTES = 4096;
/** Lines that a slow reader of standard output has not taken; what comes on top is lost, and reported. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** Characters of a path and of a User-Agent that are logged; the longest path that is served has fewer. */
const MAX_PATH = 2048;
const MAX_CLIENT = 256;
/** How often it is looked whether the file was moved away, as `logrotate` does. */
const ROTATION_MS = 1000;

/** The log of one thread; several may write to the same file, each whole lines. A log that fails must not fail requests. */
export class AccessLog {
  readonly #target: AccessLogTarget;
  readonly #failed: (error: unknown) => void;
  #fd: number;
  #lines: Buffer[] = [];
  #bytes = 0;
  #timer: Timer | undefined;
  #checked = monotonicMs();
  #isFailing = false;

  /** Throws if the file can't be opened; `failed` is told of what can't be written later, once until it can again. */
  constructor(target: AccessLogTarget, failed: (error: unknown) => void) {
    this.#target = target;
    this.#failed = failed;
    this.#fd = open(target.path);
  }

  write(entry: AccessLogEntry): void {
    if (this.#bytes > MAX_WAITING_BYTES) {
      this.#fail(new Error("its reader is too slow; requests are not logged"));
      return;
    }
    const { path, client } = entry;
    const logged = { ...entry, path: path.slice(0, MAX_PATH), client: client.slice(0, MAX_CLIENT) };
    const text = this.#target.format === "json" ? JSON.stringify(logged) : textOf(logged);
    const line = Buffer.from(`${visibleText(text)}\n`);
    const before = this.#bytes;
    this.#lines.push(line);
    this.#bytes += line.length;
    // Once for each so many bytes, also while a slow reader has let them grow to many.
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

  /** Those that could not be written stay, whole. */
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
    if (!this.#isFailing) this.#failed(error);
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

/** Nothing that a client sends may look like another line or end its quotes. */
function printable(text: string): string {
  return text.replaceAll(
    /[^\x20-\x7e]|["\\]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
