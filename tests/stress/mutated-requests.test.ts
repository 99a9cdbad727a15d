import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { digestOf } from "../../src/primitives/digest.ts";
import { binary } from "../support/binary.ts";
import { ADMIN_PASSWORD, type Everlock, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { must } from "../support/tools.ts";
import { mutate, mutateBytes } from "./mutations.ts";
import { Random } from "./random.ts";
import { type Exchange, RawExchanger } from "./raw-exchange.ts";
import { encodeRequest, makeRequest, type Targets } from "./request-model.ts";
import { IS_FULL, SEED } from "./scale.ts";

const REQUESTS = IS_FULL ? 300_000 : 3_000;
const CONNECTIONS = 24;
/** A whole request that has no answer by then hangs. */
const PATIENCE_MS = 20_000;
/** Bytes that may be no whole request may rightly be waited for. */
const BROKEN_PATIENCE_MS = 200;
const MAX_SESSIONS = 500;
const MAX_FAILURES = 20;

/** Each may do something, and none may read `vault/app`. */
const USERS: readonly { readonly name: string; readonly grant: readonly [path: string, role: string] }[] = [
  { name: "anon", grant: ["http/oci/default/public/**", "reader"] },
  { name: "alice", grant: ["http/oci/default/team/**", "writer"] },
  { name: "bob", grant: ["http/oci/default/lab/**", "owner"] },
];
const PASSWORD = "a password of its own";
const PRIVATE = "vault/app";

interface Prepared {
  readonly server: Everlock;
  readonly targets: Targets;
  /** Stands in the private manifest, its tag, its layer and the name of a repository beside it. */
  readonly secret: string;
}

async function prepare(): Promise<Prepared> {
  const dataDir = `${temporaryDirectory()}/data`;
  mkdirSync(dataDir, { mode: 0o700 });
  const users = (...words: string[]) => must([binary(), "users", ...words, "--data-dir", dataDir]);
  for (const { name, grant } of USERS) {
    if (name !== "anon") await users("add", name, PASSWORD);
    await users("grant", name, ...grant);
  }
  const server = await startEverlock({ dataDir });
  const secret = crypto.randomUUID().replaceAll("-", "");
  const manifests: string[] = [];
  const digests = [digestOf(Buffer.from("unknown"))];
  for (const repository of ["public/app", "team/app", "lab/app", PRIVATE, `vault/${secret}`]) {
    const admin = new RegistryClient(server.httpPort, repository, `admin:${ADMIN_PASSWORD}`);
    const isPrivate = repository.startsWith("vault/");
    const layer = Buffer.from(isPrivate ? `the layer of ${secret}` : `the layer of ${repository}`);
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: {
        mediaType: "application/vnd.oci.empty.v1+json",
        digest: await admin.pushBlob(Buffer.from("{}")),
        size: 2,
      },
      layers: [
        { mediaType: "application/octet-stream", digest: await admin.pushBlob(layer), size: layer.length },
      ],
      annotations: { note: isPrivate ? secret : "nothing" },
    });
    for (const tag of isPrivate ? ["v1", secret] : ["v1"]) {
      expect((await admin.putManifest(tag, manifest)).status).toBe(201);
    }
    digests.push(digestOf(Buffer.from(manifest)), digestOf(layer));
    if (!isPrivate) manifests.push(manifest);
  }
  const targets: Targets = {
    repositories: ["public/app", "team/app", "lab/app", "team/new", "nobody/app", PRIVATE],
    tags: ["v1", "v2", "latest"],
    digests,
    manifests: [...manifests, "{}", JSON.stringify({ schemaVersion: 2, manifests: [] })],
    sessions: [`/v2/${PRIVATE}/blobs/uploads/00000000-0000-4000-8000-000000000000`],
  };
  return { server, targets, secret };
}

/** What is wrong with an answer, if anything. */
function faultOf(exchange: Exchange, target: string, isWhole: boolean, secret: string): string | undefined {
  if (exchange === "closed") return undefined;
  if (exchange === "silent") return isWhole ? "no answer" : undefined;
  const { status, head, body } = exchange;
  // The runtime's own answer to a request line that does not end in a version of HTTP.
  const isOtherVersion = status === 505 && !isWhole;
  if (status >= 500 && !isOtherVersion) return `status ${status}: ${body.toString("latin1", 0, 200)}`;
  if (`${head}${body.toString("latin1")}`.includes(secret)) return "something private in the answer";
  const isPrivate = target.startsWith(`/v2/${PRIVATE}/`);
  return isPrivate && isWhole && status < 400 ? `status ${status} for a private repository` : undefined;
}

test(
  `${REQUESTS} mutated requests by three users get no 5xx, no hang and nothing private`,
  async () => {
    const { server, targets, secret } = await prepare();
    const random = new Random(SEED);
    const failures: string[] = [];
    const statuses = new Map<string, number>();
    let sent = 0;
    const connections = Array.from({ length: CONNECTIONS }, async (_, i) => {
      const { name } = USERS[i % USERS.length] ?? { name: "anon" };
      const credentials = btoa(`${name}:${PASSWORD}`);
      let connection = await RawExchanger.open(server.httpPort);
      while (sent++ < REQUESTS && failures.length < MAX_FAILURES) {
        const request = makeRequest(random, targets);
        request.headers.unshift(["Host", "localhost"]);
        if (name !== "anon") request.headers.push(["Authorization", `Basic ${credentials}`]);
        mutate(request, random);
        request.headers.push(["Content-Length", String(request.body.length)]);
        const whole = encodeRequest(request);
        const isWhole = !random.chance(0.1) && !/[ \r\n]/.test(request.target);
        const bytes = isWhole ? whole : mutateBytes(whole, random);
        if (!connection.isOpen) connection = await RawExchanger.open(server.httpPort);
        const patience = isWhole ? PATIENCE_MS : BROKEN_PATIENCE_MS;
        const exchange = await connection.send(bytes, request.method.toUpperCase() === "HEAD", patience);
        const kind = typeof exchange === "string" ? exchange : String(exchange.status);
        statuses.set(kind, (statuses.get(kind) ?? 0) + 1);
        const fault = faultOf(exchange, request.target, isWhole, secret);
        if (fault !== undefined)
          failures.push(`${fault}\n  ${Buffer.from(bytes).toString("latin1").slice(0, 600)}`);
        if (!isWhole || exchange === "silent") connection.close();
        const location =
          typeof exchange === "string"
            ? undefined
            : exchange.head.match(/\r\nlocation: (\S*uploads\/\S+)/i)?.[1];
        if (location !== undefined && targets.sessions.length < MAX_SESSIONS) targets.sessions.push(location);
      }
      connection.close();
    });
    await Promise.all(connections);
    console.log(
      `seed ${SEED}: ${[...statuses]
        .toSorted()
        .map(([kind, count]) => `${kind}: ${count}`)
        .join(", ")}`,
    );
    expect(failures).toEqual([]);
    // Nothing of it did any harm to what was there before.
    const admin = new RegistryClient(server.httpPort, PRIVATE, `admin:${ADMIN_PASSWORD}`);
    await admin.verifyImage("v1");
    await admin.verifyImage(secret);
    expect(server.log()).not.toContain("a request failed");
    expect(await server.end("SIGTERM")).toBe(0);
  },
  IS_FULL ? 1_800_000 : 60_000,
);
