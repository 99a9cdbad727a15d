import { expect, test } from "bun:test";
import { withSecondTry } from "../../../../src/backends/oci-http/mirror/second-try.ts";
import type { UpstreamAnswer } from "../../../../src/registry/client/upstream-answer.ts";
import { testMirror } from "../../../support/mirror.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";

const AWAY = { kind: "unavailable", reason: "it answers 500" } as const;
const FOUND = { kind: "found" } as const;

/** How often upstream is asked that answers so. */
async function tries(...answers: UpstreamAnswer<object>[]): Promise<number> {
  let asked = 0;
  await withSecondTry(
    async () => answers[asked++] ?? FOUND,
    async () => undefined,
  );
  return asked;
}

test("an upstream that fails is asked once more, and no more often", async () => {
  expect(await tries(AWAY)).toBe(2);
  expect(await tries(AWAY, AWAY)).toBe(2);
});

test("what upstream limits, denies or does not have is not asked for again", async () => {
  const limited = { kind: "limited", reason: "429", retryAfterMs: 1000 } as const;
  const denied = { kind: "denied", reason: "401" } as const;
  for (const answer of [limited, denied, { kind: "unknown" } as const, FOUND])
    expect(await tries(answer)).toBe(1);
});

test("a cold pull does not fail where upstream fails once", async () => {
  const { oci } = await TestStore.open();
  const { upstream, storage, tag } = testMirror(oci);
  const { layer } = upstream.image("demo");
  const failOnce = () => {
    upstream.failure = AWAY;
    setTimeout(() => {
      upstream.failure = undefined;
    }, 50);
  };
  failOnce();
  expect(await tag("demo")).toBeDefined();
  failOnce();
  expect(await storage().blob(APP, layer)).toBeDefined();
});
