import { connect } from "node:net";
import type { ListenAddress } from "../primitives/net/listen-address.ts";

export interface HttpAnswer {
  readonly status: number;
  /** The beginning of the body. */
  readonly body: string;
}

/** Enough for the head of a response and the names of some registries. */
const MAX_BYTES = 4096;

/**
 * Sends one GET request to an address of this machine. Not with `fetch`, which sends it to the proxy that the environment
 * names. Rejects if there is no answer of HTTP within `timeoutMs`.
 */
export function askOverHttp(
  address: ListenAddress,
  path: string,
  host: string,
  timeoutMs: number,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ host: address.hostname, port: address.port });
    const fail = (error: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      const answer = parseAnswer(text);
      if (answer) resolve(answer);
      else reject(new Error("the answer is not one of HTTP"));
    };
    socket.setEncoding("latin1");
    socket.on("connect", () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
    );
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.length >= MAX_BYTES) finish();
    });
    socket.on("end", finish);
    socket.on("error", fail);
  });
}

function parseAnswer(text: string): HttpAnswer | undefined {
  const [, status] = text.match(/^HTTP\/1\.[01] (\d{3})[ \r]/) ?? [];
  if (status === undefined) return undefined;
  const body = text.slice(0, MAX_BYTES).split("\r\n\r\n")[1] ?? "";
  return { status: Number(status), body: body.trim() };
}
