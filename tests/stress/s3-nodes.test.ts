import { expect, test } from "bun:test";
import { digestOf } from "../../src/primitives/digest.ts";
import { addAlice, type Everlock } from "../support/everlock.ts";
import { randomBytes } from "../support/random-bytes.ts";
import { bytesOf } from "../support/registry-client.ts";
import { startNode } from "../support/s3-cluster.ts";
import { sharedS3Server } from "../support/s3-server.ts";
import { describeWith } from "../support/tools.ts";
import { clientOf, nodeAt, toldPushes, variantOf } from "./nodes.ts";
import { uploadThroughNodes } from "./resumed-upload.ts";
import { IS_FULL } from "./scale.ts";

const NODES = 3;
const PUSHERS = 48;
const PUSH_MS = 60_000;
const PULLS = 10_000;
/** Kills of a node in the middle of pushes. */
const KILLS = 10;

/** Write-once tags for which all pushers race. */
const RACES = 40;
/** Blobs that are uploaded in chunks during the kills, at the same time. */
const UPLOADS = 4;
const UPLOAD_BYTES = 2_000_000;

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
            const manifest = variantOf(base.manifest, `${pusher}-${i}`);
            const { status, headers } = await client.putManifest(`moved${pusher % 4}`, manifest);
            if (status === 201) acknowledged.push(headers.get("Docker-Content-Digest") ?? "");
          }
        }),
      );
      console.log(`${acknowledged.length} moves in ${PUSH_MS / 1000} s`);
      const moves = (await toldPushes(location)).filter(({ tag }) => tag.startsWith("moved"));
      const told = moves.map(({ digest }) => digest);
      expect(new Set(told).size).toBe(told.length);
      expect(acknowledged.filter((digest) => !told.includes(digest))).toEqual([]);
      const newest = await Promise.all(
        nodes.map((node) => node.console("/oci log default team/app limit=1000 --json")),
      );
      expect(new Set(newest.map(({ stdout }) => stdout)).size).toBe(1);
      for (const tag of ["moved0", "moved1", "moved2", "moved3"])
        for (const node of nodes) {
          const response = await clientOf(node).fetch(`manifests/${tag}`, { method: "HEAD" });
          const last = moves.find((move) => move.tag === tag);
          expect(response.headers.get("Docker-Content-Digest")).toBe(last?.digest ?? "");
        }
    }, 300_000);

    test("give each write-once tag to one of many pushers, and all tell who it was", async () => {
      const { nodes } = await start();
      const base = await clientOf(nodeAt(nodes, 0)).pushImage("base", 100);
      expect((await nodeAt(nodes, 0).console("/oci set default immutable=v*")).code).toBe(0);
      // The others follow within about a second.
      await Bun.sleep(1500);
      for (let race = 0; race < RACES; race++) {
        const answers = await Promise.all(
          Array.from({ length: PUSHERS }, (_, pusher) =>
            clientOf(nodeAt(nodes, pusher)).putManifest(
              `v${race}`,
              variantOf(base.manifest, `${race}-${pusher}`),
            ),
          ),
        );
        const winners = answers.filter(({ status }) => status === 201);
        const losers = answers.filter(({ status }) => status === 409);
        expect([winners.length, losers.length]).toEqual([1, PUSHERS - 1]);
        for (const node of nodes) {
          const { headers } = await clientOf(node).fetch(`manifests/v${race}`, { method: "HEAD" });
          expect(headers.get("Docker-Content-Digest")).toBe(
            winners[0]?.headers.get("Docker-Content-Digest") ?? "",
          );
        }
      }
    }, 300_000);

    test("answer pulls of what another node has acknowledged, never old and never 404", async () => {
      const { nodes } = await start();
      const base = await clientOf(nodeAt(nodes, 0)).pushImage("base", 100);
      const wrong: string[] = [];
      const worker = async (number: number) => {
        for (let i = 0; i < PULLS / 20; i++) {
          const manifest = variantOf(base.manifest, `${number}-${i}`);
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
      const uploaded: Uint8Array[] = [];
      let resumed = 0;
      const uploaders = Array.from({ length: UPLOADS }, async (_, first) => {
        while (!isOver) {
          const bytes = randomBytes(UPLOAD_BYTES);
          const upload = await uploadThroughNodes(nodes, first, bytes);
          resumed += upload.resumed;
          uploaded.push(bytes);
        }
      });
      for (let kill = 0; kill < KILLS; kill++) {
        await Bun.sleep(1000);
        await nodeAt(nodes, kill).end("SIGKILL");
        nodes[kill % NODES] = await startNode(location);
      }
      isOver = true;
      await Promise.all([...pushers, ...uploaders]);
      console.log(
        `${acknowledged.length} pushes and ${uploaded.length} uploads acknowledged during ${KILLS} kills; uploads went on ${resumed} times after one`,
      );
      expect(resumed).toBeGreaterThan(0);
      for (const [i, bytes] of uploaded.entries()) {
        const pulled = await clientOf(nodeAt(nodes, i)).fetch(`blobs/${digestOf(bytes)}`);
        expect(digestOf(await bytesOf(pulled))).toBe(digestOf(bytes));
      }
      for (const [i, { tag, digest }] of acknowledged.entries())
        expect(String(await clientOf(nodeAt(nodes, i)).verifyImage(tag))).toBe(digest);
    }, 300_000);
  });
