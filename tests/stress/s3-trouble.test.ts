import { expect, test } from "bun:test";
import { digestOf } from "../../src/primitives/digest.ts";
import { eventually } from "../support/eventually.ts";
import { addAlice } from "../support/everlock.ts";
import { startNode } from "../support/s3-cluster.ts";
import { sharedS3Server } from "../support/s3-server.ts";
import { describeWith } from "../support/tools.ts";
import { type ProxyMode, TroubleProxy } from "../support/trouble-proxy.ts";
import { clientOf, nodeAt, toldPushes, variantOf } from "./nodes.ts";
import { Random } from "./random.ts";
import { IS_FULL, SEED } from "./scale.ts";

const NODES = 3;
const PUSHERS = 6;
const TROUBLE_MS = IS_FULL ? 60_000 : 6_000;
const MODES: readonly ProxyMode[] = ["slow", "cut", "failing", "busy", "unanswered", "stalling"];
/** How often a pusher tries the same push, as clients do. */
const TRIES = 5;
const PAUSE_MS = 300;

describeWith(
  ["versitygw", "ssh", "sshpass"],
  "three nodes, each with a bad network to the object store,",
  () => {
    const bucket = sharedS3Server();

    test(
      "lose nothing that was acknowledged, and have no push twice",
      async () => {
        console.log(`EVERLOCK_STRESS_SEED=${SEED}`);
        const random = new Random(SEED);
        const location = bucket();
        const proxies = Array.from({ length: NODES }, () => new TroubleProxy(location));
        const nodes = await Promise.all(proxies.map((proxy) => startNode(proxy.location)));
        await addAlice(nodeAt(nodes, 0));
        const base = await clientOf(nodeAt(nodes, 0)).pushImage("base", 1000);
        const pushed = new Map<string, string>();
        const answers = new Map<number, number>();
        const ends = Date.now() + TROUBLE_MS;
        const pushers = Array.from({ length: PUSHERS }, async (_, pusher) => {
          for (let i = 0; Date.now() < ends; i++) {
            // A tag of its own, or one that all move.
            const tag = i % 3 === 0 ? "moved" : `p${pusher}-${i}`;
            const manifest = variantOf(base.manifest, `${pusher}-${i}`);
            for (let attempt = 0; attempt < TRIES; attempt++) {
              const response = await clientOf(nodeAt(nodes, pusher + i + attempt)).putManifest(tag, manifest);
              answers.set(response.status, (answers.get(response.status) ?? 0) + 1);
              if (response.status === 201) {
                pushed.set(manifest, tag);
                break;
              }
              // Where others may have moved the tag since, a second push that is done is a second move.
              if (tag === "moved") break;
              await Bun.sleep(PAUSE_MS);
            }
          }
        });
        while (Date.now() < ends) {
          const proxy = proxies[random.below(NODES)];
          if (!proxy) throw new Error("there is no proxy");
          proxy.mode = MODES[random.below(MODES.length)] ?? "pass";
          // Most are over before the node gives up a request.
          await Bun.sleep(50 + random.below(random.below(4) === 0 ? 6000 : 700));
          proxy.mode = "pass";
          await Bun.sleep(random.below(200));
        }
        await Promise.all(pushers);
        console.log(`${pushed.size} pushes acknowledged; answers: ${JSON.stringify([...answers])}`);
        expect([...answers.keys()].filter((status) => status !== 201 && status !== 503)).toEqual([]);
        expect(pushed.size).toBeGreaterThan(0);
        for (const node of nodes) {
          const isBack = async () => (await clientOf(node).fetch("tags/list")).status === 200;
          expect(await eventually(isBack, 30_000)).toBe(true);
        }
        const told = (await toldPushes(location)).map(({ tag, digest }) => `${tag} ${digest}`);
        expect(told.length).toBe(new Set(told).size);
        const tells = new Set(told);
        for (const [manifest, tag] of pushed)
          expect([tag, tells.has(`${tag} ${digestOf(Buffer.from(manifest))}`)]).toEqual([tag, true]);
        let turn = 0;
        for (const [manifest, tag] of pushed) {
          if (tag === "moved") continue;
          expect(String(await clientOf(nodeAt(nodes, turn++)).verifyImage(tag))).toBe(
            digestOf(Buffer.from(manifest)),
          );
        }
        for (const node of nodes) expect(node.log()).not.toContain(" error ");
      },
      TROUBLE_MS + 120_000,
    );
  },
);
