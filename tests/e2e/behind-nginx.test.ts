import { expect, test } from "bun:test";
import { makeCertificate } from "../support/certificate.ts";
import { containerTools } from "../support/containers.ts";
import { addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { startNginx } from "../support/nginx.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith } from "../support/tools.ts";

const PROXY_HEADERS = `
  proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off; client_max_body_size 0;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Port $server_port;`;

async function startBehind(...args: string[]): Promise<Everlock> {
  const trusted = ["--frontend-http-trusted-proxy", "127.0.0.1", "--frontend-http-proxy-scheme"];
  const server = await startEverlock({ args: [...trusted, ...args] });
  await addAlice(server);
  await server.console("/users grant anon http/oci/default reader");
  return server;
}

describeWith(["nginx", "openssl", "skopeo", "ssh", "sshpass"], "behind nginx", () => {
  test("skopeo pushes and pulls over the TLS of nginx, whose port is told in X-Forwarded-Port alone", async () => {
    const server = await startBehind();
    const { certificate, key } = await makeCertificate(temporaryDirectory(), "one", ["localhost"]);
    const [port] = await startNginx(1, {
      http: ([tls]) => `server {
        listen 127.0.0.1:${tls} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};
        location / { ${PROXY_HEADERS} proxy_set_header Host $host; proxy_pass http://127.0.0.1:${server.httpPort}; }
      }`,
    });
    const response = await fetch(`https://localhost:${port}/v2/`, { tls: { rejectUnauthorized: false } });
    expect(response.headers.get("WWW-Authenticate")).toBe(
      `Bearer realm="https://localhost:${port}/token",service="localhost:${port}"`,
    );
    const tools = containerTools();
    const { dir, digest } = makeLayout({ layerBytes: 3_000_000 });
    const image = `docker://localhost:${port}/team/app:v1`;
    const login = ["--dest-tls-verify=false", "--dest-creds", "alice:change-me"];
    await tools.must("skopeo", "copy", ...login, `oci:${dir}:image`, image);
    const found = await tools.must("skopeo", "inspect", "--tls-verify=false", "--format={{.Digest}}", image);
    expect(found.trim()).toBe(digest);
  }, 60_000);

  test("a path prefix works whether nginx passes it on or strips it, and at the root for skopeo", async () => {
    const server = await startBehind("--frontend-http-path-prefix", "/registry");
    const upstream = `http://127.0.0.1:${server.httpPort}`;
    const servers = [
      ["location /registry/", upstream],
      ["location /registry/", `${upstream}/`],
      ["location ~ ^/(v2|token|registry)", upstream],
    ].map(
      ([location, target]) =>
        (port: number | undefined) =>
          `server {
        listen 127.0.0.1:${port};
        ${location} { ${PROXY_HEADERS} proxy_set_header Host $http_host; proxy_pass ${target}; }
      }`,
    );
    const [passing = 0, stripping = 0, atRoot] = await startNginx(3, {
      http: (ports) => servers.map((server, i) => server(ports[i])).join("\n"),
    });
    for (const port of [passing, stripping]) {
      const repository = `app-${port}`;
      const client = new RegistryClient(port, repository, "alice:change-me", `localhost:${port}`);
      expect((await client.fetch("manifests/v1")).status).toBe(404);
      const below = `/registry/v2/${repository}`;
      const start = await client.fetch(`${below}/blobs/uploads/`, { method: "POST" });
      const location = start.headers.get("Location") ?? "";
      const sent = await client.fetch(location, { method: "PATCH", body: new Uint8Array(100_000) });
      expect([start.status, sent.status]).toEqual([202, 202]);
      expect(location).toStartWith(`${below}/blobs/uploads/`);
      expect((await client.fetch(location, { method: "DELETE" })).status).toBe(204);
      const challenged = await fetch(`http://localhost:${port}/registry/v2/`);
      const [, realm = ""] = challenged.headers.get("WWW-Authenticate")?.match(/realm="([^"]*)"/) ?? [];
      expect(realm).toBe(`http://localhost:${port}/registry/token`);
      expect((await fetch(realm)).status).toBe(200);
    }
    const { dir } = makeLayout();
    const push = ["--dest-tls-verify=false", "--dest-creds", "alice:change-me", `oci:${dir}:image`];
    await containerTools().must("skopeo", "copy", ...push, `docker://localhost:${atRoot}/app:v1`);
    const tags = await fetch(`http://localhost:${atRoot}/registry/v2/app/tags/list`);
    expect(await tags.json()).toEqual({ name: "app", tags: ["v1"] });
  }, 60_000);
});
