import type { PseudoTtyInfo, ServerChannel, Session } from "ssh2";
import type { LoginId, RemoteSshOwner, SessionId, TerminalSize } from "./ssh-calls.ts";

/** The size of a client that says 0, which means that it does not know. */
const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };
/** A larger size is a client's error or an attack. */
const MAX_SIZE: TerminalSize = { columns: 1000, rows: 1000 };
const RESIZE_MS = 50;
/** Maximal input passed on at once: the main thread processes it before it serves others. */
const INPUT_PIECE_BYTES = 4096;

export interface SessionOptions {
  readonly login: LoginId;
  readonly remote: string;
  readonly owner: RemoteSshOwner;
  /** Registers the session and returns its id. */
  readonly register: (session: SshSession) => SessionId;
  readonly unregister: (id: SessionId) => void;
  /** Resolves when the connection can accept more output. */
  readonly drained: () => Promise<void>;
  /** Called after input was read from the session. */
  readonly wasRead: () => void;
}

/** One SSH session: a shell or a single command, with or without a terminal. The main thread runs it. */
export class SshSession {
  readonly #options: SessionOptions;
  #size: TerminalSize | undefined;
  #channel: ServerChannel | undefined;
  #id: SessionId | undefined;
  #isClosed = false;
  #resizing: Timer | undefined;
  #wake: () => void = () => undefined;

  constructor(session: Session, options: SessionOptions) {
    this.#options = options;
    session.on("pty", (accept, _reject, info) => {
      this.#setSize(info);
      accept?.();
    });
    session.on("window-change", (accept, _reject, info) => {
      this.#setSize(info);
      accept?.();
      // Combines window changes that arrive together.
      this.#resizing ??= setTimeout(() => this.#tellSize(), RESIZE_MS);
    });
    session.on("shell", (accept) => this.#run(accept(), undefined));
    session.on("exec", (accept, _reject, { command }) => this.#run(accept(), command));
  }

  /** Bytes received from the client and not read by the console. */
  get unread(): number {
    return this.#channel?.readableLength ?? 0;
  }

  /** The next piece of input; `undefined` at its end. */
  async read(): Promise<Uint8Array | undefined> {
    const channel = this.#channel;
    while (channel && !this.#isClosed && !channel.readableEnded) {
      const waiting = channel.readableLength;
      const piece: Buffer | null = channel.read(
        waiting > 0 ? Math.min(waiting, INPUT_PIECE_BYTES) : undefined,
      );
      if (piece) {
        this.#options.wasRead();
        // Copied, because posting a view to another thread would copy its whole buffer.
        return new Uint8Array(piece);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return undefined;
  }

  /** Resolves when the client can accept more output or has disconnected. */
  async write(text: string, toError: boolean): Promise<void> {
    const channel = this.#channel;
    if (!channel || this.#isClosed || !channel.writable) return;
    const stream = toError ? channel.stderr : channel;
    const closed = Promise.withResolvers<void>();
    const onClose = () => closed.resolve();
    channel.once("close", onClose);
    const written = new Promise<void>((resolve) => stream.write(text, () => resolve()));
    await Promise.race([written, closed.promise]);
    channel.removeListener("close", onClose);
    if (!this.#isClosed) await this.#options.drained();
  }

  /** Called when the client has closed the session or the connection. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wake();
    if (this.#id === undefined) return;
    this.#options.owner.hangUp(this.#id);
    this.#options.unregister(this.#id);
  }

  #tellSize(): void {
    this.#resizing = undefined;
    if (this.#id !== undefined) this.#options.owner.resize(this.#id, this.#size ?? DEFAULT_SIZE);
  }

  #end(channel: ServerChannel, code: number): void {
    if (this.#isClosed) return;
    if (this.#id !== undefined) this.#options.unregister(this.#id);
    this.#id = undefined;
    channel.exit(code);
    channel.end();
  }

  #setSize({ cols, rows }: Pick<PseudoTtyInfo, "cols" | "rows">): void {
    this.#size = {
      columns: cols > 0 ? Math.min(cols, MAX_SIZE.columns) : DEFAULT_SIZE.columns,
      rows: rows > 0 ? Math.min(rows, MAX_SIZE.rows) : DEFAULT_SIZE.rows,
    };
  }

  #run(channel: ServerChannel, command: string | undefined): void {
    const { owner, login, remote, register } = this.#options;
    this.#channel = channel;
    const id = register(this);
    this.#id = id;
    channel.on("error", () => undefined);
    for (const event of ["readable", "end", "close"]) channel.on(event, () => this.#wake());
    channel.on("close", () => this.close());
    owner
      .run(id, { login, remote, command, size: this.#size })
      .then((code) => this.#end(channel, code))
      // The main thread has logged the error.
      .catch(() => this.#end(channel, 1));
  }
}
