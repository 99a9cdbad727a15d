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

async function push(registry: string, image: string): Promise<void> {
  const { dir } = makeLayout({ layerBytes: 50_000 });
  await must([
    "skopeo",
    "copy",
    "-q",
    "--dest-tls-verify=false",
    `oci:${dir}:image`,
    `docker://${registry}/${image}`,
  ]);
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
