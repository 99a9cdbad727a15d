import { dlopen } from "bun:ffi";
import { readdirSync } from "node:fs";

/** A TCP connection of this process. */
export interface OpenSocket {
  readonly fd: number;
  /** The peer's address, without port; IPv4 addresses on dual-stack sockets are in IPv4 form. */
  readonly address: string;
  readonly port: number;
}

const C_LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

const SYMBOLS = {
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getpeername: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  dup: { args: ["i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  getrlimit: { args: ["i32", "ptr"], returns: "i32" },
} as const;

type Library = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];

/** Linux constants, the same on all supported processors. */
const [AF_INET, AF_INET6] = [2, 10];
const [IPPROTO_TCP, TCP_INFO] = [6, 11];
const [SOL_SOCKET, SO_ACCEPTCONN] = [1, 30];
const SHUT_RDWR = 2;
const RLIMIT_NOFILE = 7;
/** Offsets in `struct tcp_info`; both fields are in milliseconds. */
const [LAST_DATA_SENT, LAST_DATA_RECEIVED] = [44, 52];
const STANDARD_INPUT = 0;

/**
 * Lists and closes the connections of this process through the C library, because the runtime does not show connections
 * without a request. Linux only.
 */
export class OpenSockets {
  readonly #c: Library;
  readonly #name = Buffer.alloc(128);
  readonly #info = Buffer.alloc(256);
  readonly #length = new Int32Array(1);

  private constructor(c: Library) {
    this.#c = c;
  }

  /** `undefined` if the C library is not found. */
  static open(): OpenSockets | undefined {
    if (process.platform !== "linux") return undefined;
    for (const name of C_LIBRARIES) {
      try {
        return new OpenSockets(dlopen(name, SYMBOLS).symbols);
      } catch {
        // Try the next name.
      }
    }
    return undefined;
  }

  /** The process's limit on open files, which includes sockets. */
  get limit(): number {
    const limits = new BigUint64Array(2);
    if (this.#c.getrlimit(RLIMIT_NOFILE, limits) !== 0) throw new Error("getrlimit failed");
    return Number(limits[0]);
  }

  /** Whether about `count` or more file descriptors are open; very cheap. */
  areAtLeast(count: number): boolean {
    // The kernel assigns the lowest free descriptor.
    const fd = this.#c.dup(STANDARD_INPUT);
    if (fd >= 0) this.#c.close(fd);
    return fd < 0 || fd >= count;
  }

  /** Connections to one of these ports. */
  list(ports: ReadonlySet<number>): OpenSocket[] {
    const sockets: OpenSocket[] = [];
    for (const fd of this.#descriptors()) {
      const own = this.#endOf(fd, this.#c.getsockname);
      const other = own && ports.has(own.port) ? this.#endOf(fd, this.#c.getpeername) : undefined;
      if (other) sockets.push({ fd, ...other });
    }
    return sockets;
  }

  /** Sets the backlog of each listener on one of these ports. */
  limitWaiting(ports: ReadonlySet<number>, count: number): void {
    for (const fd of this.#descriptors()) {
      const own = this.#endOf(fd, this.#c.getsockname);
      if (own && ports.has(own.port) && this.#isListening(fd)) this.#c.listen(fd, count);
    }
  }

  /** Shuts a connection down, unless its descriptor now belongs to another one. The server sees the end of the connection. */
  end({ fd, address, port }: OpenSocket): void {
    const other = this.#endOf(fd, this.#c.getpeername);
    if (other?.address === address && other.port === port) this.#c.shutdown(fd, SHUT_RDWR);
  }

  #isListening(fd: number): boolean {
    this.#length[0] = Int32Array.BYTES_PER_ELEMENT;
    const isKnown = this.#c.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, this.#info, this.#length) === 0;
    return isKnown && this.#info.readInt32LE(0) === 1;
  }

  #descriptors(): Iterable<number> {
    try {
      return readdirSync("/proc/self/fd").map(Number);
    } catch {
      // No file can be opened, so about all descriptors are in use.
      return { [Symbol.iterator]: () => numbersBelow(this.limit) };
    }
  }

  #endOf(
    fd: number,
    ask: Library["getsockname"],
  ): { readonly address: string; readonly port: number } | undefined {
    this.#length[0] = this.#name.length;
    if (ask(fd, this.#name, this.#length) !== 0) return undefined;
    const family = this.#name.readUInt16LE(0);
    if (family !== AF_INET && family !== AF_INET6) return undefined;
    const port = this.#name.readUInt16BE(2);
    const address =
      family === AF_INET ? dotted(this.#name.subarray(4, 8)) : addressOf(this.#name.subarray(8, 24));
    return { address, port };
  }

  /** Milliseconds since data was last sent or received. */
  idleMs({ fd }: OpenSocket): number {
    this.#length[0] = this.#info.length;
    if (this.#c.getsockopt(fd, IPPROTO_TCP, TCP_INFO, this.#info, this.#length) !== 0) return 0;
    return Math.min(this.#info.readUInt32LE(LAST_DATA_SENT), this.#info.readUInt32LE(LAST_DATA_RECEIVED));
  }
}

function* numbersBelow(limit: number): Generator<number> {
  for (let number = 0; number < limit; number++) yield number;
}

const MAPPED = Buffer.from("00000000000000000000ffff", "hex");

/** Formats the 16 bytes of an IPv6 address, without `::`. */
function addressOf(bytes: Buffer): string {
  if (bytes.subarray(0, MAPPED.length).equals(MAPPED)) return dotted(bytes.subarray(MAPPED.length));
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return groups.join(":");
}

function dotted(bytes: Buffer): string {
  return bytes.join(".");
}
