import { expect, test } from "bun:test";
import { copySecrets } from "../../src/commands/copy-secrets.ts";
import { LocalEngine } from "../../src/primitives/store/engine/local/local-engine.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

test("the credentials of upstreams are copied with the other secrets, and what was never made is not", async () => {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const engine = new LocalEngine(temporaryDirectory(), log);
  const credentials = new Uint8Array(Buffer.from("{}"));
  await engine.changeSecret("upstream_credentials", () => credentials);
  await engine.secret("token_key", async () => new Uint8Array([1]));
  const copied = new Map<string, string>();
  await copySecrets(engine, async (name, bytes) => void copied.set(name, Buffer.from(bytes).toString("hex")));
  expect(Object.fromEntries(copied)).toEqual({ token_key: "01", upstream_credentials: "7b7d" });
});
