import type { Socket, TCPSocketListener } from "bun";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import { afterThisTest } from "./cleanup.ts";

export type ProxyMode =
  | "pass"
  /** Connections are ended at once. */
  | "cut"
  /** Connections are accepted, and nothing is answered. */
  | "silent"
  /** Responses begin, and end after a few bytes of their body. */
  | "stalling"
  /** Each request gets 503. */
  | "busy"
  /** Each request gets 500. */
  | "failing"
  /** Responses come later than they were sent. */
  | "slow"
  /** Requests arrive and are done, but the connection ends before their response. */
  | "unanswered";

interface Pair {
  upstream: Socket<undefined> | undefined;
  /** What the client sent before the server was connected. */
  waiting: Uint8Array[];
}

const REFUSALS = { busy: "503 Service Unavailable", failing: "500 Internal Server Error" } as const;
const SLOW_MS = 300;
const STALLING_BYTES = 4;

/** A TCP proxy in front of an object store, which fails as a test says. A change of the mode ends the connections there are. */
export class TroubleProxy {
  readonly location: S3Location;
  readonly #listener: TCPSocketListener<Pair>;
  readonly #clients = new Set<Socket<Pair>>();
  readonly #port: number;
  #mode: ProxyMode = "pass";

  constructor(store: S3Location) {
    this.#port = Number(new URL(store.endpoint).port);
    this.#listener = Bun.listen<Pair>({
      hostname: "127.0.0.1",
      port: 0,
      data: { upstream: undefined, waiting: [] },
      socket: {
        open: (client) => this.#open(client),
        data: (client, bytes) => this.#fromClient(client, bytes),
        close: (client) => {
          this.#clients.delete(client);
          client.data.upstream?.end();
        },
        error: () => undefined,
      },
    });
    this.location = { ...store, endpoint: `http://127.0.0.1:${this.#listener.port}` };
    afterThisTest(() => this.#listener.stop(true));
  }

  set mode(mode: ProxyMode) {
    this.#mode = mode;
    for (const client of this.#clients) client.terminate();
  }

  #open(client: Socket<Pair>): void {
    client.data = { upstream: undefined, waiting: [] };
    this.#clients.add(client);
    if (this.#mode === "cut") return void client.terminate();
    if (this.#mode === "silent" || this.#mode in REFUSALS) return;
    const mode = this.#mode;
    void Bun.connect<undefined>({
      hostname: "127.0.0.1",
      port: this.#port,
      socket: {
        open: (upstream) => {
          client.data.upstream = upstream;
          for (const bytes of client.data.waiting.splice(0)) upstream.write(bytes);
        },
        data(_, bytes) {
          if (mode === "unanswered") client.terminate();
          else if (mode === "stalling") client.write(beginningOf(bytes));
          else if (mode === "slow") setTimeout((copy) => client.write(copy), SLOW_MS, new Uint8Array(bytes));
          else client.write(bytes);
        },
        close: () => void (mode === "slow" ? setTimeout(() => client.end(), SLOW_MS) : client.end()),
        error: () => undefined,
      },
    }).catch(() => client.terminate());
  }

  #fromClient(client: Socket<Pair>, bytes: Uint8Array): void {
    if (this.#mode === "busy" || this.#mode === "failing") {
      const refusal = REFUSALS[this.#mode];
      return void client.end(`HTTP/1.1 ${refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    }
    if (this.#mode === "silent") return;
    const { upstream, waiting } = client.data;
    if (upstream) upstream.write(bytes);
    else waiting.push(new Uint8Array(bytes));
  }
}

/** The head of the response that these bytes begin, and a few bytes of its body; nothing of what comes later. */
function beginningOf(bytes: Buffer): Uint8Array {
  if (bytes.toString("latin1", 0, 5) !== "HTTP/") return new Uint8Array();
  return bytes.subarray(0, bytes.indexOf("\r\n\r\n") + 4 + STALLING_BYTES);
}
