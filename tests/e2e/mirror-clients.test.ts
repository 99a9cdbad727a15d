import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { chaptersOf } from "../docs/walk/blocks.ts";
import { startContainerd } from "../support/containerd.ts";
import { containerTools } from "../support/containers.ts";
import { startDistribution } from "../support/distribution.ts";
import { withDocker } from "../support/docker.ts";
import { type DockerHub, startDockerHub } from "../support/docker-hub.ts";
import { type Everlock, startEverlock } from "../support/everlock.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must, run } from "../support/tools.ts";

const DOCUMENT = await Bun.file(`${import.meta.dir}/../../docs/mirrors.md`).text();
const BLOCKS = chaptersOf(DOCUMENT).flatMap(({ blocks }) => blocks);
const IMAGE = "library/app:1";
const NAME = `docker.io/${IMAGE}`;
const ALICE = { name: "alice", password: "wonderland" };

/** The lines of a command of the document, without those that are for other examples. */
const commands = (start: string): string[] => {
  const lines = BLOCKS.flatMap(({ text }) => text.split("\n")).filter((line) => line.startsWith(start));
  if (lines.length === 0) throw new Error(`the document has no command ${start}`);
  return lines;
};

/** A file of the document, for the addresses of this test. */
function fileOf(path: string, addresses: Readonly<Record<string, string>>): string {
  const block = BLOCKS.find((known) => known.kind === "file" && known.path === path);
  if (!block) throw new Error(`the document has no file ${path}`);
  return replaced(block.text, addresses);
}

function replaced(text: string, addresses: Readonly<Record<string, string>>): string {
  return Object.entries(addresses).reduce((sum, [name, address]) => sum.replaceAll(name, address), text);
}

interface Mirrors {
  readonly hub: DockerHub;
  readonly server: Everlock;
  /** `127.0.0.1:<port>`, where the registry `hub` is. */
  readonly host: string;
  readonly everyone: (isAllowed: boolean) => Promise<void>;
}

/** Docker Hub with an image, and a server as in the document: `hub` at `127.0.0.1`, and `default` with prefixes at `localhost`. */
async function startMirrors(): Promise<Mirrors> {
  const hub = await startDockerHub();
  await push(hub.registry, IMAGE);
  const server = await startEverlock({ env: hub.env });
  const ca = `upstream-ca=${hub.ca}`;
  const [create = ""] = commands("/oci create hub ");
  const [proxy = ""] = commands("/oci set default proxy=");
  const [grant = ""] = commands("/users grant anon http/oci/hub ");
  await admin(
    server,
    `${create.replace("hub.example.org", "127.0.0.1")} ${ca} check=always`,
    `${proxy.replace("registry-1.docker.io", `registry-1.docker.io,check=always,ca=${hub.ca}`)}`,
    "/users add alice wonderland",
    "/users grant alice http/oci/hub reader",
    "/users grant alice http/oci/default reader",
  );
  const everyone = (isAllowed: boolean) =>
    admin(
      server,
      ...["hub", "default"].map((name) =>
        isAllowed ? grant.replace("oci/hub", `oci/${name}`) : `/users revoke anon http/oci/${name}`,
      ),
    );
  return { hub, server, host: `127.0.0.1:${server.httpPort}`, everyone };
}

async function admin(server: Everlock, ...lines: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await server.console(undefined, `${lines.join("\n")}\n`);
  if (code !== 0) throw new Error(`${lines.join("\n")}: ${stdout}${stderr}`);
}

async function logOf(server: Everlock, registry: string): Promise<string> {
  return (await server.console(`/oci log ${registry}`)).stdout;
}

/** Resolves with the digests of the image and of its layers. */
async function push(
  registry: string,
  image: string,
  credentials?: string,
): Promise<{ digest: string; layers: string[] }> {
  const { dir, digest, blobs } = makeLayout({ layerBytes: 50_000 });
  await must([
    ...["skopeo", "copy", "-q", "--dest-tls-verify=false"],
    ...(credentials === undefined ? [] : ["--dest-creds", credentials]),
    ...[`oci:${dir}:image`, `docker://${registry}/${image}`],
  ]);
  return { digest, layers: [...blobs.keys()].filter((known) => known !== digest) };
}

const CLIENTS = ["registry", "openssl", "skopeo", "ssh", "sshpass"];

describeWith([...CLIENTS, "docker", "dockerd"], "docker", () => {
  test("asks a mirror of registry-mirrors with and without a login, and Docker Hub where it refuses", async () => {
    const { hub, server, host, everyone } = await startMirrors();
    const settings = fileOf("daemon.json", { "https://hub.example.org": `http://${host}` });
    await withDocker(
      async (docker) => {
        const pull = () => must(docker("pull", "-q", NAME));
        // The mirror wants a login, and docker has none.
        await pull();
        expect(await logOf(server, "hub")).not.toContain(`mirror ${IMAGE}`);
        await must(docker("rmi", NAME));
        await everyone(true);
        await pull();
        expect(await logOf(server, "hub")).toContain(`mirror ${IMAGE}`);
        await must(docker("rmi", NAME));
        await hub.stop();
        await pull();
        await everyone(false);
        await must(docker("rmi", NAME));
        expect((await run(docker("pull", "-q", NAME))).code).not.toBe(0);
      },
      hub.env,
      { settings },
    );
    const auth = Buffer.from(`${ALICE.name}:${ALICE.password}`).toString("base64");
    await withDocker((docker) => must(docker("pull", "-q", NAME)).then(() => undefined), hub.env, {
      settings,
      logins: JSON.stringify({ auths: { "https://index.docker.io/v1/": { auth } } }),
    });
  }, 120_000);
});

describeWith([...CLIENTS, "containerd", "ctr"], "containerd", () => {
  test("asks a mirror by the name of the image's registry, and that registry where the mirror refuses or lacks it", async () => {
    const { hub, server, host, everyone } = await startMirrors();
    const lab = await startDistribution();
    await push(lab.registry, "team/app:1");
    const examples = { "https://registry.lab.example.org:5000": lab.url.replace("127.0.0.1", "localhost") };
    const many = [...commands("/oci set hub ns-vhost="), ...commands("/oci create lab ")].map((line) =>
      replaced(line, { ...examples, "mirror.example.org": "127.0.0.1" }),
    );
    await admin(
      server,
      ...many,
      "/oci set lab check=always",
      "/users grant alice http/oci/lab reader",
      // So that clients log in by a token, which is for this registry alone.
      "/users grant anon http/oci/lab/public/** reader",
    );
    const hosts = temporaryDirectory();
    const configure = (name: string, file: string) => {
      mkdirSync(`${hosts}/${name}`, { recursive: true });
      writeFileSync(`${hosts}/${name}/hosts.toml`, file);
    };
    const toMirror = fileOf("hosts.toml", { "https://hub.example.org": `http://${host}` });
    configure("docker.io", toMirror);
    configure(lab.registry, replaced(toMirror, { "https://registry-1.docker.io": `http://${lab.registry}` }));
    const ctr = await startContainerd(hub.env);
    const login = ["--user", `${ALICE.name}:${ALICE.password}`];
    const pull = async (name: string, ...options: string[]) => {
      const images = ["--namespace", crypto.randomUUID(), "image", "pull"];
      return ctr(...images, "--snapshotter", "native", "--hosts-dir", hosts, ...options, name);
    };
    const mustPull = async (...args: Parameters<typeof pull>) => {
      const { code, stdout, stderr } = await pull(...args);
      if (code !== 0) throw new Error(`${args.join(" ")}: ${stdout}${stderr}`);
    };

    await mustPull(NAME);
    expect(await logOf(server, "hub")).not.toContain("mirror ");
    await mustPull(NAME, ...login);
    expect(await logOf(server, "hub")).toContain(`mirror ${IMAGE}`);
    await mustPull(`${lab.registry}/team/app:1`, ...login);
    expect(await logOf(server, "lab")).toContain("mirror team/app:1");
    // A private mirror stays private at the host of a public one.
    await everyone(true);
    await mustPull(NAME);
    await Promise.all([hub.stop(), lab.stop()]);
    await mustPull(NAME);
    await mustPull(`${lab.registry}/team/app:1`, ...login);
    expect((await pull(`${lab.registry}/team/app:1`)).code).not.toBe(0);
    expect((await pull("docker.io/team/app:1")).code).not.toBe(0);
  }, 120_000);

  test("asks for images below the prefix of a registry by override_path", async () => {
    const { hub, server, everyone } = await startMirrors();
    await everyone(true);
    const hosts = temporaryDirectory();
    mkdirSync(`${hosts}/docker.io`);
    writeFileSync(
      `${hosts}/docker.io/hosts.toml`,
      fileOf("hosts-prefix.toml", { "https://registry.example.org": `http://${server.registry}` }),
    );
    const ctr = await startContainerd(hub.env);
    for (const isCold of [true, false]) {
      const images = ["--namespace", crypto.randomUUID(), "image", "pull", "--snapshotter", "native"];
      const { code, stderr } = await ctr(...images, "--hosts-dir", hosts, NAME);
      expect([code, stderr]).toEqual([0, ""]);
      if (isCold) await hub.stop();
    }
    expect(await logOf(server, "default")).toContain(`mirror hub/${IMAGE}`);
  }, 60_000);
});

const ACCEPT = { Accept: "application/vnd.oci.image.manifest.v1+json" };

describeWith(CLIENTS, "the name of an upstream at a host of another registry", () => {
  test("leads to the mirror of this upstream: manifests, blobs, tags, referrers, tokens and the access log", async () => {
    const [first, second] = [await startDistribution(), await startDistribution()];
    const { layers, digest } = await push(first.registry, "team/app:1");
    await push(first.registry, "team/app:2");
    await push(second.registry, "team/app:1");
    const accessLog = `${temporaryDirectory()}/access.log`;
    const server = await startEverlock({ args: ["--access-log", accessLog] });
    await admin(
      server,
      `/oci create one vhost=one.test upstream=http://${first.registry} ns-vhost=localhost`,
      `/oci create two vhost=127.0.0.1 upstream=http://${second.registry} ns-vhost=localhost`,
      `/oci create three vhost=three.test upstream=https://private.test`,
      "/users add alice wonderland",
      ...["one", "two"].map((name) => `/users grant alice http/oci/${name} reader`),
      ...["one", "two"].map((name) => `/users grant anon http/oci/${name}/public/** reader`),
    );
    const base = `http://localhost:${server.httpPort}`;
    const ask = (path: string, name: string, init: RequestInit = {}) => {
      const url = new URL(path, base);
      url.searchParams.set("ns", name);
      return fetch(url, { ...init, headers: { ...ACCEPT, ...(init.headers as Record<string, string>) } });
    };
    const manifest = "/v2/team/app/manifests/1";
    const challenge = (await ask(manifest, first.registry)).headers.get("WWW-Authenticate") ?? "";
    const [, realm = "", scope = ""] = challenge.match(/realm="([^"]+)".*scope="([^"]+)"/) ?? [];
    const credentials = Buffer.from(`${ALICE.name}:${ALICE.password}`).toString("base64");
    const response = await fetch(`${realm}&scope=${scope}`, {
      headers: { Authorization: `Basic ${credentials}` },
    });
    const { token } = (await response.json()) as { readonly token: string };
    const headers = { Authorization: `Bearer ${token}` };
    const status = async (path: string, name: string, method = "GET") =>
      (await ask(path, name, { method, headers })).status;

    expect((await ask(manifest, first.registry, { headers })).headers.get("Docker-Content-Digest")).toBe(
      digest,
    );
    expect(await status(manifest, first.registry, "HEAD")).toBe(200);
    for (const layer of layers) expect(await status(`/v2/team/app/blobs/${layer}`, first.registry)).toBe(200);
    expect(await status(`/v2/team/app/referrers/${digest}`, first.registry)).toBe(200);
    const tags = await ask("/v2/team/app/tags/list?n=1", first.registry, { headers });
    expect(await tags.json()).toMatchObject({ tags: ["1"] });
    const [, next = ""] = tags.headers.get("Link")?.match(/<([^>]+)>/) ?? [];
    expect(await (await fetch(new URL(next, base), { headers })).json()).toMatchObject({ tags: ["2"] });
    // The token of one registry is nothing to another, and the host's own registry has no such image.
    expect(await status(manifest, second.registry)).toBe(401);
    for (const name of ["private.test", "unknown.test", "docker.io"])
      expect(await status(manifest, name)).toBe(401);
    const own = { Authorization: `Basic ${Buffer.from("admin:change-me").toString("base64")}` };
    for (const name of ["private.test", "unknown.test", "docker.io"])
      expect((await ask(manifest, name, { headers: own })).status).toBe(404);
    // A mirror serves nothing under the name of another registry.
    const two = `http://127.0.0.1:${server.httpPort}${manifest}`;
    expect((await fetch(two, { headers: { ...ACCEPT, ...own } })).status).toBe(200);
    for (const [name, expected] of [
      [second.registry, 200],
      ["docker.io", 404],
    ] as const)
      expect((await fetch(`${two}?ns=${name}`, { headers: { ...ACCEPT, ...own } })).status).toBe(expected);
    await server.end();
    const lines = (await Bun.file(accessLog).text()).trim().split("\n");
    const instances = lines.map(
      (line) => JSON.parse(line) as { instance: string; user: string; path: string },
    );
    expect(instances).toContainEqual(
      expect.objectContaining({ instance: "one", user: "alice", path: manifest, status: 200 }),
    );
    expect(instances.find(({ path }) => path === "/token")).toMatchObject({ instance: "one", status: 200 });
  }, 60_000);
});

describeWith(CLIENTS, "the upstream of a prefix", () => {
  test("gets no credentials, so that nothing private comes into a registry that others may read", async () => {
    const upstream = await startDistribution(ALICE);
    await push(upstream.registry, "team/app:1", `${ALICE.name}:${ALICE.password}`);
    const file = `${temporaryDirectory()}/upstream.json`;
    const auth = Buffer.from(`${ALICE.name}:${ALICE.password}`).toString("base64");
    writeFileSync(file, JSON.stringify({ auths: { [upstream.url]: { auth } } }));
    const server = await startEverlock({ args: ["--upstream-credentials", file] });
    await admin(
      server,
      `/oci create mirror vhost=127.0.0.1 upstream=${upstream.url}`,
      `/oci set default proxy=lab/**,${upstream.url}`,
    );
    const headers = {
      ...ACCEPT,
      Authorization: `Basic ${Buffer.from("admin:change-me").toString("base64")}`,
    };
    const status = async (url: string) => (await fetch(`http://${url}/manifests/1`, { headers })).status;
    expect(await status(`127.0.0.1:${server.httpPort}/v2/team/app`)).toBe(200);
    expect(await status(`${server.registry}/v2/lab/team/app`)).toBe(404);
    expect(server.log()).toContain("the mirror 'default' got nothing of 'lab/team/app'");
  }, 60_000);
});

describeWith([...CLIENTS, "podman"], "podman", () => {
  test("asks the prefix of a registry as a mirror of registries.conf, and Docker Hub where it refuses", async () => {
    const { hub, server, everyone } = await startMirrors();
    const conf = fileOf("registries.conf", { "registry.example.org/hub": `${server.registry}/hub` });
    const path = `${temporaryDirectory()}/registries.conf`;
    writeFileSync(path, `${conf}\ninsecure = true\n`);
    const env = { ...hub.env, CONTAINERS_REGISTRIES_CONF: path };
    const { must: mustRun, run: tryRun } = containerTools({ env });
    const pull = () => mustRun("podman", "pull", "-q", NAME);
    const forget = () => mustRun("podman", "rmi", "--all");

    await pull();
    expect(await logOf(server, "default")).not.toContain("mirror ");
    await forget();
    await mustRun(
      "podman",
      "login",
      "--tls-verify=false",
      "-u",
      ALICE.name,
      "-p",
      ALICE.password,
      server.registry,
    );
    await pull();
    expect(await logOf(server, "default")).toContain(`mirror hub/${IMAGE}`);
    const refused = await tryRun(
      "podman",
      ...["push", "-q", "--tls-verify=false", "--creds", "admin:change-me", NAME],
      `${server.registry}/hub/own/app:1`,
    );
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(
      "the repositories below 'hub' are a mirror of https://registry-1.docker.io",
    );
    await mustRun(
      "podman",
      ...["push", "-q", "--tls-verify=false", "--creds", "admin:change-me", NAME],
      `${server.registry}/own/app:1`,
    );
    // Docker Hub's own images have one-part names, too.
    await mustRun("podman", "pull", "-q", "--tls-verify=false", `${server.registry}/hub/app:1`);
    await hub.stop();
    await forget();
    await pull();
    await mustRun("podman", "logout", server.registry);
    await forget();
    expect((await tryRun("podman", "pull", "-q", NAME)).code).not.toBe(0);
    await everyone(true);
    await pull();
  }, 120_000);
});
