import { closeSync, fstatSync, openSync, statSync, writeSync } from "node:fs";

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
/** How often it is looked whether the file was moved away, as `logrotate` does. */
const ROTATION_MS = 1000;

/** The log of one thread; several may write to the same file, each whole lines. A log that fails must not fail requests. */
export class AccessLog {
  readonly #target: AccessLogTarget;
  readonly #failed: (error: unknown) => void;
  #fd: number;
  #lines: string[] = [];
  #bytes = 0;
  #timer: Timer | undefined;
  #checked = Date.now();

  /** Throws if the file can't be opened; `failed` hears of what can't be written later. */
  constructor(target: AccessLogTarget, failed: (error: unknown) => void) {
    this.#target = target;
    this.#failed = failed;
    this.#fd = open(target.path);
  }

  write(entry: AccessLogEntry): void {
    const line = this.#target.format === "json" ? `${JSON.stringify(entry)}\n` : textOf(entry);
    this.#lines.push(line);
    this.#bytes += line.length;
    if (this.#bytes >= FLUSH_BYTES) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const bytes = Buffer.from(this.#lines.join(""));
    this.#lines = [];
    this.#bytes = 0;
    try {
      this.#followRotation();
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    } catch (error) {
      this.#failed(error);
    }
  }

  close(): void {
    this.flush();
    if (this.#target.path !== STANDARD_OUTPUT) closeSync(this.#fd);
  }

  #followRotation(): void {
    const { path } = this.#target;
    const now = Date.now();
    if (path === STANDARD_OUTPUT || now - this.#checked < ROTATION_MS) return;
    this.#checked = now;
    if (statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(this.#fd).ino) return;
    const before = this.#fd;
    this.#fd = open(path);
    closeSync(before);
  }
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
  return `${words.join(" ")} in=${received} out=${sent} ${ms}ms "${printable(client)}"\n`;
}

/** Nothing that a client sends may look like another line or end its quotes. */
function printable(text: string): string {
  return text.replaceAll(
    /[^\x20-\x7e]|["\\]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
