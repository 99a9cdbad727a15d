import type { PseudoTtyInfo, ServerChannel, Session } from "ssh2";
import type { CallPort } from "../../primitives/threads/call-port.ts";
import type { LoginId, SessionId, SshOwnerCalls, SshThreadCalls } from "./ssh-calls.ts";

const DEFAULT_COLUMNS = 80;
/** Widths beyond this are a client's mistake or a trick. */
const MAX_COLUMNS = 1000;
const RESIZE_MS = 50;
/** What of a client's input is handed on at once: so much is worked off before anybody else is. */
const INPUT_PIECE_BYTES = 4096;

export interface SessionOptions {
  readonly login: LoginId;
  readonly remote: string;
  readonly owner: CallPort<SshThreadCalls, SshOwnerCalls>;
  /** Makes the session known under an id of its own. */
  readonly register: (session: SshSession) => SessionId;
  readonly unregister: (id: SessionId) => void;
  /** Resolves once the connection can take more. */
  readonly drained: () => Promise<void>;
  /** Called when the session has been read. */
  readonly wasRead: () => void;
}

/** One SSH session: a shell or a single command, with a terminal or without, which the owner runs. */
export class SshSession {
  readonly #options: SessionOptions;
  #columns: number | undefined;
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
      // Once for all that come with it.
      this.#resizing ??= setTimeout(() => this.#tellSize(), RESIZE_MS);
    });
    session.on("shell", (accept) => this.#run(accept(), undefined));
    session.on("exec", (accept, _reject, { command }) => this.#run(accept(), command));
  }

  /** Bytes that the client has sent and the console has not read. */
  get unread(): number {
    return this.#channel?.readableLength ?? 0;
  }

  /** What the client sends next; `undefined` at the end of its input. */
  async read(): Promise<Uint8Array | undefined> {
    const channel = this.#channel;
    while (channel && !this.#isClosed && !channel.readableEnded) {
      const waiting = channel.readableLength;
      const piece: Buffer | null = channel.read(
        waiting > 0 ? Math.min(waiting, INPUT_PIECE_BYTES) : undefined,
      );
      if (piece) {
        this.#options.wasRead();
        // A copy: a part of a buffer would travel with all of it.
        return new Uint8Array(piece);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return undefined;
  }

  /** Resolves when the client has room for more, or has gone. */
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

  /** The client has closed it, or its connection has ended. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wake();
    if (this.#id === undefined) return;
    this.#options.owner.tell("hangUp", this.#id);
    this.#options.unregister(this.#id);
  }

  #tellSize(): void {
    this.#resizing = undefined;
    if (this.#id !== undefined)
      this.#options.owner.tell("resize", this.#id, this.#columns ?? DEFAULT_COLUMNS);
  }

  #end(channel: ServerChannel, code: number): void {
    if (this.#isClosed) return;
    if (this.#id !== undefined) this.#options.unregister(this.#id);
    this.#id = undefined;
    channel.exit(code);
    channel.end();
  }

  #setSize({ cols }: Pick<PseudoTtyInfo, "cols">): void {
    this.#columns = cols > 0 ? Math.min(cols, MAX_COLUMNS) : DEFAULT_COLUMNS;
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
      .call("run", id, { login, remote, command, columns: this.#columns })
      .then((code) => this.#end(channel, code))
      // The owner has logged why.
      .catch(() => this.#end(channel, 1));
  }
}
