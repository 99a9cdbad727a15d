import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { CertificateAuthority } from "./certificate-authority.ts";
import { afterThisTest } from "./cleanup.ts";
import { startDistribution } from "./distribution.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const HOST = "registry-1.docker.io";

/** A registry that programs take for Docker Hub, as a proxy leads them to it and they trust its CA. */
export interface DockerHub {
  /** `localhost:<port>` of the same registry, over HTTP, to push to. */
  readonly registry: string;
  /** A file with the certificate of its CA. */
  readonly ca: string;
  /** The variables of a program that asks it. */
  readonly env: Readonly<Record<string, string>>;
  /** Connections to it so far. */
  readonly connections: number;
  stop(): Promise<void>;
}

/** Requires `registry` and openssl. */
export async function startDockerHub(): Promise<DockerHub> {
  const authority = await CertificateAuthority.make(temporaryDirectory());
  const { certificate, key } = await authority.issue(HOST);
  const { registry, url, stop } = await startDistribution();
  const tls = createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (socket) =>
    join(socket, Number(new URL(url).port)),
  );
  const tlsPort = await listening(tls);
  let connections = 0;
  const proxy = createHttpServer((_, response) => response.writeHead(403).end());
  proxy.on("connect", ({ url: target }, socket: Socket) => {
    if (target !== `${HOST}:443`) {
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    connections++;
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    join(socket, tlsPort);
  });
  const address = `http://127.0.0.1:${await listening(proxy)}`;
  return {
    registry,
    ca: authority.certificate,
    env: { HTTPS_PROXY: address, SSL_CERT_FILE: authority.certificate },
    get connections() {
      return connections;
    },
    stop,
  };
}

/** Sends on to a port of this machine, both ways. */
function join(socket: Socket, port: number): void {
  const other = connect(port, "127.0.0.1");
  for (const [from, to] of [
    [socket, other],
    [other, socket],
  ] as const) {
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
    from.pipe(to);
  }
}

async function listening(server: Server): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  afterThisTest(() => void server.close());
  return (server.address() as AddressInfo).port;
}
