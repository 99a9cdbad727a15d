import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { Digest } from "../../src/primitives/digest.ts";
import { eventually } from "../support/eventually.ts";
import { addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWithFailingCalls, failCalls, type Injection } from "../support/strace.ts";
import { describeWith, must } from "../support/tools.ts";

const STORE = "everlock-oci-local";
const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
/** Rounds of pushes while calls fail, each one alone and then many at once; more until a call has failed. */
const MIN_ROUNDS = 3;
const MAX_ROUNDS = 50;
const PUSHERS = 20;

/** Pushes manifests of one blob, and remembers those that were acknowledged. */
class Pusher {
  readonly #client: RegistryClient;
  readonly #config: Digest;
  readonly acknowledged = new Map<string, string>();
  #pushed = 0;

  private constructor(client: RegistryClient, config: Digest) {
    this.#client = client;
    this.#config = config;
  }

  static async start(server: Everlock): Promise<Pusher> {
    const client = new RegistryClient(server.httpPort, "app");
    return new Pusher(client, await client.pushBlob(Buffer.from("{}")));
  }

  /** What one push was answered, in few words. */
  async push(): Promise<string> {
    const tag = `v${++this.#pushed}`;
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: CONFIG_TYPE, digest: this.#config, size: 2 },
      layers: [],
      annotations: { tag },
    });
    const response = await this.#client.putManifest(tag, manifest);
    const text = await response.text();
    if (response.status === 201) this.acknowledged.set(tag, manifest);
    return response.status === 201
      ? "stored"
      : `${response.status} ${JSON.parse(text).errors[0].message.split(/[:;]/)[0]}`;
  }

  pushMany(): Promise<string[]> {
    return Promise.all(Array.from({ length: PUSHERS }, () => this.push()));
  }
}

async function lostOf({ acknowledged }: Pusher, server: Everlock): Promise<string[]> {
  const client = new RegistryClient(server.httpPort, "app");
  const lost: string[] = [];
  for (const [tag, manifest] of acknowledged) {
    if ((await (await client.fetch(`manifests/${tag}`)).text()) !== manifest) lost.push(tag);
  }
  return lost;
}

const IO_ERROR = "503 the disk fails";
const NO_ROOM = "507 there is no room on the registry's disk";
const READ_ONLY = "503 the disk can't be written to";
const NO_DESCRIPTORS = "503 the server has no file descriptors left";

/** Which calls on which files of the store fail, and what whoever is concerned may be told. */
const INJECTIONS: readonly (readonly [calls: string, files: readonly string[], answer: string])[] = [
  ["fdatasync:error=EIO:when=1+2", ["everlock-journal"], IO_ERROR],
  ["pwrite64:error=EIO:when=1+2", ["everlock-journal"], IO_ERROR],
  ["pwrite64:error=ENOSPC:when=2+3", ["everlock-journal"], NO_ROOM],
  ["fsync:error=EIO:when=1+2", ["refs/heads"], IO_ERROR],
  ["fsync:error=EIO:when=1+2", ["refs/heads/main.lock"], IO_ERROR],
  ["write:error=ENOSPC:when=1+2", ["refs/heads/main.lock"], NO_ROOM],
  ["openat:error=EMFILE:when=2+3", ["refs/heads/main.lock"], NO_DESCRIPTORS],
  ["unlink:error=EIO:when=1+2", ["refs/heads/main.lock"], IO_ERROR],
  ["rename:error=EROFS:when=1+2", ["refs/heads/main.lock", "everlock-ref.new"], READ_ONLY],
  ["write:error=ENOSPC", ["everlock-ref.new"], NO_ROOM],
  ["fsync:error=EIO:when=1+2", ["objects/pack"], IO_ERROR],
  // Also of files whose names nobody knows beforehand, and of the index.
  ["fsync:error=ENOSPC:when=2+3", [], NO_ROOM],
  ["fdatasync:error=EIO:when=2+3", [], IO_ERROR],
  ["rename:error=ENOSPC:when=2+3", [], NO_ROOM],
  ["write:error=ENOSPC:when=40+3", [], NO_ROOM],
  ["pwrite64:error=EIO:when=2+3", [], IO_ERROR],
  ["openat:error=EMFILE:when=5+7", [], NO_DESCRIPTORS],
  ["openat:error=EROFS", [], READ_ONLY],
];

describeWith(["git", "ssh", "sshpass"], "a server whose disk fails", () => {
  describeWithFailingCalls("a server whose disk fails", () => {
    test("returns clear errors, loses nothing acknowledged and recovers without a restart, whichever system call fails", async () => {
      const server = await startEverlock({ args: ["--http-workers", "1"] });
      await addAlice(server);
      const dir = `${server.dataDir}/${STORE}`;
      const pusher = await Pusher.start(server);
      for (const [calls, files, answer] of INJECTIONS) {
        const injection: Injection = { calls, paths: files.map((file) => `${dir}/${file}`) };
        const failing = await failCalls(server.pid, injection);
        const answers = new Set<string>();
        for (let round = 0; round < MIN_ROUNDS || (failing.failed() === 0 && round < MAX_ROUNDS); round++) {
          for (const told of [await pusher.push(), ...(await pusher.pushMany())]) answers.add(told);
        }
        await failing.stop();
        answers.delete("stored");
        const after = new Set([await pusher.push(), ...(await pusher.pushMany())]);
        expect([
          calls,
          files,
          failing.failed() > 0,
          [...answers].filter((told) => told !== answer),
          [...after],
        ]).toEqual([calls, files, true, [], ["stored"]]);
      }
      const leftovers = () => [
        ...readdirSync(`${dir}/refs/heads`).filter((name) => name !== "main"),
        ...readdirSync(`${dir}/objects/pack`).filter((name) => name.startsWith("tmp_")),
      ];
      expect(await eventually(() => leftovers().length === 0)).toBe(true);
      expect(await lostOf(pusher, server)).toEqual([]);
      expect(await server.end("SIGTERM")).toBe(0);
      await must(["git", "-C", dir, "fsck", "--strict", "--no-progress"]);
      const again = await startEverlock({ dataDir: server.dataDir });
      expect(await lostOf(pusher, again)).toEqual([]);
    }, 120_000);

    test("stops on SIGTERM while every write and sync fails", async () => {
      const server = await startEverlock({ args: ["--stop-timeout", "1s"] });
      await addAlice(server);
      const pusher = await Pusher.start(server);
      await pusher.pushMany();
      await failCalls(server.pid, { calls: "fsync,fdatasync,pwrite64,rename,unlink,ftruncate:error=EIO" });
      expect(new Set(await pusher.pushMany())).toEqual(new Set([IO_ERROR]));
      expect([0, 1]).toContain(await server.end("SIGTERM"));
      const again = await startEverlock({ dataDir: server.dataDir });
      expect(await lostOf(pusher, again)).toEqual([]);
    }, 60_000);
  });
});
