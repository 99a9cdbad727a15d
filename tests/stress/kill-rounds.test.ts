import { expect, test } from "bun:test";
import { binary } from "../support/binary.ts";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must } from "../support/tools.ts";
import { Random } from "./random.ts";
import { IS_FULL, SEED } from "./scale.ts";

const ROUNDS = IS_FULL ? 200 : 4;
const PUSHERS = 20;
const REPOSITORIES = 3;
const LAYER_BYTES = 5_000;
/** Acknowledged pushes that a round waits for before it kills: another number each time, to hit other moments. */
const MAX_PUSHES = 200;
/** Stock git looks through the stores after so many rounds: it takes longer the more there is. */
const FSCK_EVERY = IS_FULL ? 20 : 1;
const STORES = ["everlock-oci-local", "everlock-users", "everlock-system"];

describeWith(["git", "ssh", "sshpass"], "kill -9", () => {
  test(
    `${ROUNDS} times under ${PUSHERS} pushers loses nothing that was acknowledged`,
    async () => {
      const random = new Random(SEED);
      const dataDir = `${temporaryDirectory()}/data`;
      const acknowledged: [repository: string, tag: string][] = [];
      const deleted: [repository: string, tag: string][] = [];
      let verified = 0;
      let deletionsVerified = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const server = await startEverlock({ dataDir });
        if (round === 0) await addAlice(server, "owner");
        for (; verified < acknowledged.length; verified++) {
          const [repository, tag] = acknowledged[verified] ?? ["", ""];
          await new RegistryClient(server.httpPort, repository).verifyImage(tag);
        }
        for (; deletionsVerified < deleted.length; deletionsVerified++) {
          const [repository, tag] = deleted[deletionsVerified] ?? ["", ""];
          const { status } = await new RegistryClient(server.httpPort, repository).fetch(`manifests/${tag}`);
          expect(status).toBe(404);
        }
        let pushes = 0;
        let isOver = false;
        const enough = Promise.withResolvers<void>();
        const wanted = 1 + random.below(MAX_PUSHES);
        const push = async (pusher: number) => {
          const repository = `team/app${pusher % REPOSITORIES}`;
          const client = new RegistryClient(server.httpPort, repository);
          for (let i = 0; !isOver; i++) {
            const tag = `r${round}-p${pusher}-${i}`;
            await client.pushImage(tag, LAYER_BYTES);
            if (i % 5 === 4) {
              const { status } = await client.fetch(`manifests/${tag}`, { method: "DELETE" });
              if (status === 202) deleted.push([repository, tag]);
            } else {
              acknowledged.push([repository, tag]);
            }
            if (++pushes >= wanted) enough.resolve();
          }
        };
        const pushers = Promise.allSettled(Array.from({ length: PUSHERS }, (_, pusher) => push(pusher)));
        await Promise.race([enough.promise, pushers]);
        await server.end("SIGKILL");
        isOver = true;
        await pushers;
        expect(pushes).toBeGreaterThanOrEqual(wanted);
        // Stock git finds nothing wrong while no server has put things in order.
        for (const store of round % FSCK_EVERY === 0 ? STORES : []) {
          expect(await must(["git", "-C", `${dataDir}/${store}`, "fsck", "--strict", "--no-dangling"])).toBe(
            "",
          );
        }
      }
      const last = await startEverlock({ dataDir });
      for (const [repository, tag] of acknowledged) {
        await new RegistryClient(last.httpPort, repository).verifyImage(tag);
      }
      expect(await last.end("SIGTERM")).toBe(0);
      await must([binary(), "fsck", "--data-dir", dataDir]);
      console.log(`seed ${SEED}: ${acknowledged.length} images and ${deleted.length} deletions, none lost`);
    },
    IS_FULL ? 3_600_000 : 120_000,
  );
});
