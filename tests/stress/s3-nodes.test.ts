import { expect, test } from "bun:test";
import { consoleLogger } from "../../src/primitives/logging/logger.ts";
import { S3Engine } from "../../src/primitives/store/engine/s3/s3-engine.ts";
import { StoreManager, type StoreName } from "../../src/primitives/store/store-manager.ts";
import { addAlice, type Everlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { startNode } from "../support/s3-cluster.ts";
import { bucketAt, sharedS3Server } from "../support/s3-server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith } from "../support/tools.ts";
import { IS_FULL } from "./scale.ts";

const NODES = 3;
const PUSHERS = 48;
const PUSH_MS = 60_000;
const PULLS = 10_000;
/** Kills of a node in the middle of pushes. */
const KILLS = 10;

const clientOf = ({ httpPort }: Everlock) => new RegistryClient(httpPort, "team/app");

/** The node of a turn, each in its time. */
function nodeAt(nodes: readonly Everlock[], turn: number): Everlock {
  const node = nodes[turn % nodes.length];
  if (!node) throw new Error("there is no node");
  return node;
}

/** How a process reads the stores beside the nodes. */
const STORAGE = { credentialsFile: undefined, maxAgeMs: 0, cache: undefined, redirectAbove: undefined };

if (IS_FULL)
  describeWith(["versitygw", "ssh", "sshpass"], "three nodes of an object store under stress", () => {
    const bucket = sharedS3Server();

    async function start(): Promise<{ nodes: Everlock[]; location: ReturnType<typeof bucket> }> {
      const location = bucket();
      const nodes = await Promise.all(Array.from({ length: NODES }, () => startNode(location)));
      await addAlice(nodeAt(nodes, 0));
      return { nodes, location };
    }

    test("have each acknowledged move of the tags once, in an order that all tell alike", async () => {
      const { nodes, location } = await start();
      const base = await clientOf(nodeAt(nodes, 0)).pushImage("base", 100);
      const end = Date.now() + PUSH_MS;
      const acknowledged: string[] = [];
      await Promise.all(
        Array.from({ length: PUSHERS }, async (_, pusher) => {
          const client = clientOf(nodeAt(nodes, pusher));
          for (let i = 0; Date.now() < end; i++) {
            // Another manifest of the same blobs.
            const manifest = JSON.stringify({
              ...(JSON.parse(base.manifest) as object),
              annotations: { push: `${pusher}-${i}` },
            });
            const { status, headers } = await client.putManifest(`moved${pusher % 4}`, manifest);
            if (status === 201) acknowledged.push(headers.get("Docker-Content-Digest") ?? "");
          }
        }),
      );
      console.log(`${acknowledged.length} moves in ${PUSH_MS / 1000} s`);
      // As a node tells it that starts now.
      const dataDir = temporaryDirectory();
      const engine = new S3Engine(
        { ...STORAGE, bucket: location, dataDir, node: "reader" },
        consoleLogger,
        bucketAt(location),
      );
      const stores = new StoreManager({ kind: "local", dataDir }, engine, consoleLogger);
      const store = await stores.open("everlock-oci-local" as StoreName);
      const moves: { readonly tag: string; readonly digest: string }[] = [];
      for await (const { commit } of store.history()) {
        const [, tag = ""] = commit.message.match(/^push team\/app:(\S+)/) ?? [];
        const [, digest = ""] = commit.message.match(/^Digest: (\S+)/m) ?? [];
        if (tag.startsWith("moved")) moves.push({ tag, digest });
      }
      await store.close();
      const told = moves.map(({ digest }) => digest);
      expect(new Set(told).size).toBe(told.length);
      expect(acknowledged.filter((digest) => !told.includes(digest))).toEqual([]);
      const newest = await Promise.all(
        nodes.map((node) => node.console("/oci log default team/app limit=100 --json")),
      );
      expect(new Set(newest.map(({ stdout }) => stdout)).size).toBe(1);
      for (const tag of ["moved0", "moved1", "moved2", "moved3"])
        for (const node of nodes) {
          const response = await clientOf(node).fetch(`manifests/${tag}`, { method: "HEAD" });
          const last = moves.find((move) => move.tag === tag);
          expect(response.headers.get("Docker-Content-Digest")).toBe(last?.digest ?? "");
        }
    }, 300_000);

    test("answer pulls of what another node has acknowledged, never old and never 404", async () => {
      const { nodes } = await start();
      const base = await clientOf(nodeAt(nodes, 0)).pushImage("base", 100);
      const wrong: string[] = [];
      const worker = async (number: number) => {
        for (let i = 0; i < PULLS / 20; i++) {
          const manifest = JSON.stringify({
            ...(JSON.parse(base.manifest) as object),
            annotations: { push: `${number}-${i}` },
          });
          const pushed = await clientOf(nodeAt(nodes, number + i)).putManifest(`tag${number}`, manifest);
          const pulled = await clientOf(nodeAt(nodes, number + i + 1)).fetch(`manifests/tag${number}`);
          const text = await pulled.text();
          if (pushed.status !== 201 || pulled.status !== 200 || text !== manifest)
            wrong.push(`${pushed.status} ${pulled.status}`);
        }
      };
      await Promise.all(Array.from({ length: 20 }, (_, number) => worker(number)));
      expect(wrong).toEqual([]);
    }, 300_000);

    test("lose nothing that was acknowledged when they are killed one after the other", async () => {
      const { nodes, location } = await start();
      const acknowledged: { readonly tag: string; readonly digest: string }[] = [];
      let isOver = false;
      const pushers = [0, 1, 2, 3, 4, 5].map(async (pusher) => {
        for (let i = 0; !isOver; i++) {
          const tag = `p${pusher}-${i}`;
          const pushed = await clientOf(nodeAt(nodes, pusher + i))
            .pushImage(tag, 200)
            .catch(() => undefined);
          if (pushed) acknowledged.push({ tag, digest: pushed.digest });
        }
      });
      for (let kill = 0; kill < KILLS; kill++) {
        await Bun.sleep(500);
        await nodeAt(nodes, kill).end("SIGKILL");
        nodes[kill % NODES] = await startNode(location);
      }
      isOver = true;
      await Promise.all(pushers);
      console.log(`${acknowledged.length} pushes acknowledged during ${KILLS} kills`);
      for (const [i, { tag, digest }] of acknowledged.entries())
        expect(String(await clientOf(nodeAt(nodes, i)).verifyImage(tag))).toBe(digest);
    }, 300_000);
  });
