import { Agent, type AgentOptions, type RequestOptions } from "node:https";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { portOf } from "./proxies.ts";

const HEAD_END = "\r\n\r\n";
const MAX_HEAD = 16 * 1024;

/** A proxy has not opened the way to upstream. */
export class ProxyError extends Error {}

export function proxyAuthorization(proxy: URL): string | undefined {
  if (proxy.username === "" && proxy.password === "") return undefined;
  const plain = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return `Basic ${Buffer.from(plain).toString("base64")}`;
}

type Created = (error: Error | null, socket: Duplex) => void;
type Target = RequestOptions & ConnectionOptions;

/** Connects to HTTPS servers through a proxy's CONNECT (RFC 9110, section 9.3.6). */
export class TunnelAgent extends Agent {
  readonly #proxy: URL;
  readonly #timeoutMs: number;

  constructor(proxy: URL, timeoutMs: number, options: AgentOptions) {
    super(options);
    this.#proxy = proxy;
    this.#timeoutMs = timeoutMs;
  }

  override createConnection(options: Target, created?: Created): undefined {
    // Of an error, the agent looks at nothing else.
    const failed = (error: Error) => created?.(error, undefined as never);
    const { host, port, ca, servername } = options;
    this.#tunnel(`${host}:${port}`)
      .then((socket) => {
        const secure = connectTls({
          socket,
          servername: servername || host || "",
          ...(ca !== undefined && { ca }),
        });
        secure.once("secureConnect", () => created?.(null, secure));
        secure.once("error", failed);
      })
      .catch(failed);
  }

  #tunnel(target: string): Promise<Socket> {
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const { hostname, protocol } = this.#proxy;
    const host = hostname.replace(/^\[(.*)\]$/, "$1");
    const place = { host, port: Number(portOf(this.#proxy)) };
    const socket = protocol === "https:" ? connectTls({ ...place, servername: host }) : connect(place);
    const fail = (error: Error) => {
      socket.destroy();
      reject(new ProxyError(`the proxy ${this.#proxy.host} ${error.message}`, { cause: error }));
    };
    const timer = setTimeout(() => fail(new Error("does not answer")), this.#timeoutMs);
    let head = "";
    const read = (bytes: Buffer) => {
      head += bytes.toString("latin1");
      if (head.length > MAX_HEAD) return fail(new Error("sends no end of its response"));
      if (!head.includes(HEAD_END)) return;
      clearTimeout(timer);
      socket.off("data", read);
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? "nothing of HTTP";
      if (!status.startsWith("2")) return fail(new Error(`answers ${status} to CONNECT`));
      socket.off("error", failed);
      resolve(socket);
    };
    const failed = () => {
      clearTimeout(timer);
      fail(new Error("can't be reached"));
    };
    socket.on("error", failed).on("data", read);
    socket.once("close", () => {
      clearTimeout(timer);
      reject(new ProxyError(`the proxy ${this.#proxy.host} closed the connection`));
    });
    const authorization = proxyAuthorization(this.#proxy);
    const lines = [`CONNECT ${target} HTTP/1.1`, `Host: ${target}`];
    if (authorization !== undefined) lines.push(`Proxy-Authorization: ${authorization}`);
    socket.write(`${lines.join("\r\n")}${HEAD_END}`);
    return promise;
  }
}
