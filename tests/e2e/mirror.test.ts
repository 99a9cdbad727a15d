import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { blobPath } from "../support/blob-path.ts";
import { afterThisTest } from "../support/cleanup.ts";
import { containerTools } from "../support/containers.ts";
import { startDistribution } from "../support/distribution.ts";
import { eventually } from "../support/eventually.ts";
import { type Everlock, startEverlock } from "../support/everlock.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith } from "../support/tools.ts";

/** A server with a mirror at `127.0.0.1`, from which anybody may pull; and `localhost`, its own registry. */
async function startMirror(url: string, settings = "", workers = "2"): Promise<Everlock> {
  const server = await startEverlock({ args: ["--http-workers", workers] });
  const script = `/oci create hub vhost=127.0.0.1 upstream=${url} ${settings}\n/users grant anon http/oci/hub reader\n`;
  const { code, stdout, stderr } = await server.console(undefined, script);
  if (code !== 0) throw new Error(`the mirror could not be made: ${stdout}${stderr}`);
  return server;
}

const ACCEPT = {
  Accept: "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json",
};

describeWith(
  ["registry", "skopeo", "podman", "ssh", "sshpass"],
  "a mirror of a distribution registry",
  () => {
    test.each(["1", "2"])(
      "serves cold and warm pulls, and all that was pulled once upstream is gone; with %s threads",
      async (workers) => {
        const upstream = await startDistribution();
        const server = await startMirror(upstream.url, "check=always", workers);
        const layout = makeLayout({ platforms: ["amd64", "arm64"], layers: 4, layerBytes: 300_000 });
        const { must, run } = containerTools();
        const image = "library/alpine:3.20";
        const push = ["copy", "-q", "--all", "--dest-tls-verify=false", `oci:${layout.dir}:image`];
        await must("skopeo", ...push, `docker://${upstream.registry}/${image}`);

        const mirror = `127.0.0.1:${server.httpPort}`;
        const pull = ["copy", "-q", "--all", "--src-tls-verify=false", `docker://${mirror}/${image}`];
        const [first, second] = [temporaryDirectory(), temporaryDirectory()];
        await must("skopeo", ...pull, `oci:${first}:image`);
        for (const [digest, bytes] of layout.blobs) {
          const copied = `${first}/blobs/sha256/${digest.slice(7)}`;
          expect(Buffer.compare(await Bun.file(copied).bytes(), bytes)).toBe(0);
        }
        const { stdout: log } = await server.console("/oci log hub");
        expect(log).toContain("mirror library/alpine:3.20");

        const refused = await run(
          "skopeo",
          ...push,
          "--dest-creds=admin:change-me",
          `docker://${mirror}/new:1`,
        );
        expect(refused.code).not.toBe(0);
        expect(refused.stderr).toContain("this registry is a mirror of http://127.0.0.1");

        await upstream.stop();
        await must("skopeo", ...pull, `oci:${second}:image`);
        await must("podman", "pull", "-q", "--tls-verify=false", `${mirror}/${image}`);
        const manifest = await fetch(`http://${mirror}/v2/library/alpine/manifests/3.20`, {
          headers: ACCEPT,
        });
        expect(manifest.headers.get("Warning")).toMatch(/^299 - ".*is served from the copy of this mirror/);
        expect(server.log()).toContain("is served from the copy of this mirror");
        expect(
          (await fetch(`http://${mirror}/v2/library/alpine/manifests/other`, { headers: ACCEPT })).status,
        ).toBe(503);
      },
      120_000,
    );
  },
);

/** What a bad upstream does with one layer. */
type Serve = (layer: Uint8Array, request: IncomingMessage, response: ServerResponse) => void;

/** Each breaks one rule; nothing of it may be kept. */
const BAD_LAYERS: Readonly<Record<string, { readonly serve: Serve; readonly log: RegExp }>> = {
  "a wrong digest": {
    serve: (layer, _, response) => response.end(layer.map((byte) => byte ^ 1)),
    log: /for the blob sha256:/,
  },
  "a body that always ends too early": {
    serve(layer, { headers: { range } }, response) {
      const from = Number(range?.match(/^bytes=(\d+)-/)?.[1] ?? 0);
      const length = layer.length - from;
      const partial = { "Content-Range": `bytes ${from}-${layer.length - 1}/${layer.length}` };
      response.writeHead(from > 0 ? 206 : 200, { "Content-Length": length, ...(from > 0 && partial) });
      response.write(layer.subarray(from, from === 0 ? 10_000 : from + 1), () => response.destroy());
    },
    log: /the mirror 'hub' got nothing of 'app'/,
  },
  "an endless body": {
    serve(layer, _, response) {
      const more = () => {
        while (response.write(layer));
      };
      response.on("drain", more);
      more();
    },
    log: /the mirror 'hub' got nothing of 'app'/,
  },
  "a redirect to a private address": {
    serve: (_, request, response) =>
      response.writeHead(307, { Location: `http://127.0.0.2:1${request.url}` }).end(),
    log: /127\.0\.0\.2/,
  },
};

describeWith(["ssh", "sshpass"], "of an upstream that serves", () => {
  test.each(Object.keys(BAD_LAYERS))(
    "%s, nothing is kept, and no client gets a whole layer",
    async (kind) => {
      const bad = BAD_LAYERS[kind];
      if (!bad) throw new Error(kind);
      const layout = makeLayout({ layerBytes: 200_000 });
      const layerOf = JSON.parse(new TextDecoder().decode(layout.manifest)).layers[0].digest;
      const upstream = createServer((request, response) => {
        const bytes = layout.blobs.get(layerOf);
        if (request.url?.includes("/manifests/"))
          response
            .writeHead(200, {
              "Content-Type": "application/vnd.oci.image.manifest.v1+json",
              "Docker-Content-Digest": layout.digest,
            })
            .end(layout.manifest);
        else if (request.url?.endsWith(layerOf) && bytes) bad.serve(bytes, request, response);
        else response.writeHead(404).end("{}");
      });
      const { promise: listening, resolve } = Promise.withResolvers<void>();
      upstream.listen(0, "127.0.0.1", resolve);
      await listening;
      afterThisTest(() => {
        upstream.closeAllConnections();
        upstream.close();
      });
      const server = await startMirror(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`);
      const base = `http://127.0.0.1:${server.httpPort}/v2/app`;
      const manifest = await fetch(`${base}/manifests/v1`, { headers: ACCEPT });
      expect(manifest.status).toBe(200);
      // The connection may be cut off before the client has seen the status.
      const whole = await fetch(`${base}/blobs/${layerOf}`)
        .then(async (response) => (await response.arrayBuffer()) && response.ok)
        .catch(() => false);
      expect(whole).toBe(false);
      expect(await eventually(() => bad.log.test(server.log()))).toBe(true);
      const uploads = `${server.dataDir}/everlock-oci-hub/uploads`;
      expect(await eventually(() => !existsSync(uploads) || readdirSync(uploads).length === 0)).toBe(true);
      expect(existsSync(blobPath(`${server.dataDir}/everlock-oci-hub`, layerOf))).toBe(false);
    },
    60_000,
  );
});
