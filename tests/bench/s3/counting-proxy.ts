import type { Socket, TCPSocketListener } from "bun";
import type { S3Location } from "../../../src/primitives/s3/s3-location.ts";

type Side = Socket<Connection>;

/** Bytes that one side has sent and the other has not taken yet. */
interface Connection {
  other: Side | undefined;
  waiting: Uint8Array[];
  /** Whether the client has been answered since it last sent something: then what comes next begins a request. */
  isAnswered: boolean;
}

const REQUEST_LINE = /^([A-Z]+) (\S+) HTTP\/1\.1\r\n/;

/** A TCP proxy in front of an object store, which notes the method and the path of each request. */
export class CountingProxy {
  readonly location: S3Location;
  readonly requests: string[] = [];
  readonly #listener: TCPSocketListener<Connection>;
  readonly #port: number;

  constructor(store: S3Location) {
    this.#port = Number(new URL(store.endpoint).port);
    this.#listener = Bun.listen<Connection>({
      hostname: "127.0.0.1",
      port: 0,
      data: { other: undefined, waiting: [], isAnswered: true },
      socket: {
        open: (client) => this.#open(client),
        data: (client, bytes) => {
          if (client.data.isAnswered) this.#note(bytes);
          client.data.isAnswered = false;
          send(client, bytes);
        },
        drain: flushOther,
        close: (client) => void client.data.other?.end(),
        error: () => undefined,
      },
    });
    this.location = { ...store, endpoint: `http://127.0.0.1:${this.#listener.port}` };
  }

  stop(): void {
    this.#listener.stop(true);
  }

  #note(bytes: Uint8Array): void {
    const [, method = "?", path = "?"] =
      Buffer.from(bytes.subarray(0, 4096)).toString("latin1").match(REQUEST_LINE) ?? [];
    this.requests.push(`${method} ${path}`);
  }

  #open(client: Side): void {
    client.data = { other: undefined, waiting: [], isAnswered: true };
    void Bun.connect<Connection>({
      hostname: "127.0.0.1",
      port: this.#port,
      data: { other: client, waiting: [], isAnswered: true },
      socket: {
        open: (upstream) => {
          client.data.other = upstream;
          flush(client);
        },
        data: (upstream, bytes) => {
          client.data.isAnswered = true;
          send(upstream, bytes);
        },
        drain: flushOther,
        close: () => void client.end(),
        error: () => undefined,
      },
    }).catch(() => client.terminate());
  }
}

function send(from: Side, bytes: Uint8Array): void {
  from.data.waiting.push(new Uint8Array(bytes));
  flush(from);
}

function flush({ data }: Side): void {
  const { other } = data;
  for (let [next] = data.waiting; other && next; [next] = data.waiting) {
    const sent = other.write(next);
    if (sent < next.length) {
      data.waiting[0] = next.subarray(Math.max(sent, 0));
      return;
    }
    data.waiting.shift();
  }
}

function flushOther({ data }: Side): void {
  if (data.other) flush(data.other);
}
