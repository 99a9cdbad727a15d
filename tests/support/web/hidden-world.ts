import { runRemoteLine } from "../../../src/frontends/control/control-client.ts";
import { type Digest, digestOf } from "../../../src/primitives/digest.ts";
import { consoleLines } from "../console-line.ts";
import { eventually } from "../eventually.ts";
import { RegistryClient } from "../registry-client.ts";
import { startTestServer, type TestServer } from "../test-server.ts";
import { askApi } from "../web-api.ts";

/** In every text of the repository that few may read, but for what requests name. No response to anybody else has it. */
export const CANARY = "kanarie";

/** Values for the parameters of paths and queries. */
export interface Examples {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
  /** The digest of a blob. */
  readonly blob: string;
  readonly commit: string;
  /** An earlier commit of the repository. */
  readonly earlier: string;
}

/** Of what does not exist, each as long as that of what does. */
export const MISSING: Examples = {
  repository: "absent/app",
  tag: "zz9",
  digest: `sha256:${"ab".repeat(32)}`,
  blob: `sha256:${"cd".repeat(32)}`,
  commit: "ef".repeat(32),
  earlier: "fe".repeat(32),
};

export const OTHER_HOST = "team.localhost";
export const USERS = ["nobody", "stranger", "reader", "writer", "owner", "disabled"] as const;

/** A server with a repository for everybody and one for `stranger`; `hide` adds one with a canary word in all its texts. */
export async function startHiddenWorld(args: readonly string[] = []) {
  const server = await startTestServer(args);
  await consoleLines(
    server,
    `/oci create team vhost=${OTHER_HOST}`,
    ...USERS.map((user) => `/users add ${user} change-me`),
    `/users add ${CANARY} change-me`,
    "/users grant anon http/oci/default/public/** reader",
    "/users grant stranger http/oci/default/open/** reader",
    "/users grant disabled http/oci/default reader",
    ...["hidden", "absent"].flatMap((folder) => [
      `/users grant reader http/oci/default/${folder}/** reader`,
      `/users grant writer http/oci/default/${folder}/** writer`,
      `/users grant owner http/oci/default/${folder}/** owner`,
    ]),
    `/users grant ${CANARY} http/oci/default/hidden/** owner`,
  );
  for (const repository of ["public/app", "open/lib"])
    await new RegistryClient(server.httpPort, repository).pushImage("v1", 1000);
  await counted(server, 2);
  return { ...server, hide: () => hide(server) };
}

/** Waits until the server has counted all repositories: before, lists have another order. */
async function counted({ httpPort }: TestServer, repositories: number): Promise<void> {
  const isCounted = async () => {
    const { json } = await askApi(httpPort, "/repositories?sort=size");
    return (json["repositories"] as { size?: number }[]).filter(({ size }) => size !== undefined).length;
  };
  if (!(await eventually(async () => (await isCounted()) >= repositories)))
    throw new Error("the server counts no repositories");
}

async function hide(server: TestServer): Promise<Examples> {
  const { httpPort } = server;
  const client = new RegistryClient(httpPort, "hidden/app", `${CANARY}:change-me`);
  const texts = { [CANARY]: CANARY, "org.opencontainers.image.title": CANARY };
  const config = {
    ...{ architecture: "amd64", os: "linux", author: CANARY },
    config: { Labels: texts, Env: [`X=${CANARY}`], Entrypoint: [CANARY], Cmd: [CANARY], User: CANARY },
    history: [{ created_by: CANARY, comment: CANARY }],
    rootfs: { type: "layers", diff_ids: [] },
  };
  const layer = Buffer.from(`${CANARY} ${"x".repeat(2000)}`);
  const image = await pushManifest(client, "zz9", { config, layer, annotations: texts });
  for (const tag of [CANARY, "v2"]) await pushManifest(client, tag, { config, layer, annotations: { tag } });
  await pushManifest(client, undefined, {
    ...{ config: {}, layer, annotations: texts, artifactType: `application/vnd.${CANARY}` },
    subject: image.descriptor,
  });
  await client.fetch("manifests/v2", { method: "DELETE" });
  await new RegistryClient(httpPort, `hidden/${CANARY}`, `${CANARY}:change-me`).pushImage("v1", 1000);
  await counted(server, 4);
  const log = await consoleOutput(server, "/oci log default hidden/app --json");
  const commits = [...log.matchAll(/"commitId":"([0-9a-f]{64})"/g)].map(([, id = ""]) => id);
  return {
    ...{ repository: "hidden/app", tag: "zz9", digest: image.descriptor.digest },
    ...{ blob: digestOf(layer), commit: commits[0] ?? "", earlier: commits.at(-1) ?? "" },
  };
}

const IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json";

interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

interface ManifestParts {
  readonly config: object;
  readonly layer: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
  readonly artifactType?: string;
  readonly subject?: Descriptor;
}

/** Pushes a manifest with one layer, with a tag or by its digest alone. */
export async function pushManifest(
  client: RegistryClient,
  tag: string | undefined,
  { config, layer, annotations, artifactType, subject }: ManifestParts,
): Promise<{ readonly descriptor: Descriptor }> {
  const described = async (mediaType: string, bytes: Uint8Array) => ({
    mediaType,
    digest: await client.pushBlob(bytes),
    size: bytes.length,
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST,
    ...(artifactType !== undefined && { artifactType }),
    config: await described("application/vnd.oci.image.config.v1+json", Buffer.from(JSON.stringify(config))),
    layers: [{ ...(await described("application/vnd.oci.image.layer.v1.tar", layer)), annotations }],
    annotations,
    ...(subject && { subject }),
  });
  const digest = digestOf(Buffer.from(manifest));
  const response = await client.putManifest(tag ?? digest, manifest);
  if (response.status !== 201) throw new Error(`PUT manifest: ${response.status} ${await response.text()}`);
  return { descriptor: { mediaType: IMAGE_MANIFEST, digest, size: Buffer.byteLength(manifest) } };
}

/** What a line of the console prints. */
export async function consoleOutput({ dataDir }: Pick<TestServer, "dataDir">, line: string): Promise<string> {
  let printed = "";
  await runRemoteLine(dataDir, { line, by: "test" }, (text) => {
    printed += text;
  });
  return printed;
}

/** The newest commit of the registry, and all users with their grants, tokens and keys. */
export async function stateOf(server: TestServer): Promise<string> {
  const users = [...USERS, CANARY, "alice"];
  const lines = [
    "/oci log default limit=1 --json",
    "/users list --json",
    ...users.flatMap((user) => [`/users token list ${user} --json`, `/users key list ${user} --json`]),
  ];
  const texts: string[] = [];
  // The last use of a token is no change.
  for (const line of lines)
    texts.push((await consoleOutput(server, line)).replace(/,"lastUsed?":"[^"]*"/g, ""));
  return texts.join("\n");
}
