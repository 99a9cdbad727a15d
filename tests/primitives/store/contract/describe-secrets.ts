import { describe, expect, test } from "bun:test";
import type { Secrets } from "../../../../src/primitives/store/engine/secrets.ts";

/** `openNode` opens the secrets of another node over the same storage; where it has only one, of the next process. */
interface SecretsUnderTest {
  readonly name: string;
  create(): { openNode(): Secrets };
}

export function describeSecrets({ name, create }: SecretsUnderTest): void {
  describe(`secrets of the engine '${name}'`, () => {
    test("are generated once, are the same for all who ask later, and do not become each other", async () => {
      const { openNode } = create();
      const generate = async () => crypto.getRandomValues(new Uint8Array(32));
      const { bytes: tokenKey, place } = await openNode().secret("token_key", generate);
      const { bytes: hostKey } = await openNode().secret("ssh_host_ed25519_key", generate);
      expect([tokenKey.length, Buffer.compare(tokenKey, hostKey) === 0]).toEqual([32, false]);
      expect(place).toEndWith("token_key");
      const isUnasked = () => expect.unreachable();
      const again = await openNode().secret("token_key", isUnasked);
      expect(Buffer.compare(again.bytes, tokenKey)).toBe(0);
    });

    test("that are given can be changed, and are what the last change made", async () => {
      const { openNode } = create();
      expect(await openNode().givenSecret("upstream_credentials")).toBeUndefined();
      await openNode().changeSecret("upstream_credentials", (kept) => {
        expect(kept).toBeUndefined();
        return new Uint8Array([1]);
      });
      await openNode().changeSecret("upstream_credentials", (kept) => new Uint8Array([...(kept ?? []), 2]));
      await openNode().changeSecret("upstream_credentials", () => undefined);
      expect([...((await openNode().givenSecret("upstream_credentials")) ?? [])]).toEqual([1, 2]);
    });

    test("that many change at the same time keep every change", async () => {
      const { openNode } = create();
      const node = openNode();
      const changes = Array.from({ length: 5 }, (_, i) =>
        node.changeSecret("upstream_credentials", (kept) => new Uint8Array([...(kept ?? []), i])),
      );
      await Promise.all(changes);
      const kept = await node.givenSecret("upstream_credentials");
      expect([...(kept ?? [])].sort()).toEqual([0, 1, 2, 3, 4]);
    });

    test("that could not be generated are asked for again", async () => {
      const { openNode } = create();
      const fails = async () => {
        throw new Error("no randomness");
      };
      await expect(openNode().secret("token_key", fails)).rejects.toThrow("no randomness");
      const { bytes } = await openNode().secret("token_key", async () => new Uint8Array([1]));
      expect([...bytes]).toEqual([1]);
    });
  });
}
