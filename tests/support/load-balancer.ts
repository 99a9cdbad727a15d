import type { Everlock } from "./everlock-process.ts";
import { startNginx } from "./nginx.ts";

/** The ports of a load balancer; 0 where the nodes don't listen. */
export type BalancedPorts = Pick<Everlock, "httpPort" | "httpsPort" | "sshPort" | "opsPort">;

/**
 * nginx without stickiness in front of nodes: each HTTP request goes to another one, and so does each connection for HTTPS,
 * SSH or metrics.
 */
export async function balance(nodes: readonly Everlock[]): Promise<BalancedPorts> {
  const listening = (["sshPort", "httpsPort", "opsPort"] as const).filter((kind) =>
    nodes.every((node) => node[kind] > 0),
  );
  const [httpPort = 0, ...ports] = await startNginx(1 + listening.length, {
    http: ([listen]) => `
      upstream nodes { ${servers(nodes, "httpPort")} }
      server {
        listen 127.0.0.1:${listen} backlog=4096;
        client_max_body_size 0;
        large_client_header_buffers 8 64k;
        ignore_invalid_headers off;
        keepalive_requests 1000000;
        location / {
          proxy_pass http://nodes;
          proxy_http_version 1.1;
          proxy_request_buffering off;
          proxy_buffering off;
          proxy_set_header Host $http_host;
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }
      }`,
    stream: ([, ...listen]) =>
      listening
        .map(
          (kind, i) => `
            upstream ${kind} { ${servers(nodes, kind)} }
            server { listen 127.0.0.1:${listen[i]}; proxy_pass ${kind}; }`,
        )
        .join("\n"),
  });
  const portOf = (kind: (typeof listening)[number]) => ports[listening.indexOf(kind)] ?? 0;
  return {
    httpPort,
    sshPort: portOf("sshPort"),
    httpsPort: portOf("httpsPort"),
    opsPort: portOf("opsPort"),
  };
}

/** Nodes that fail stay in use: what a client meets then is what is tested. */
function servers(nodes: readonly Everlock[], port: keyof BalancedPorts): string {
  return nodes.map((node) => `server 127.0.0.1:${node[port]} max_fails=0;`).join(" ");
}
