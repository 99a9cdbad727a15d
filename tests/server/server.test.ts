import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { SYSTEM_IDENTITY } from "../../src/primitives/store/commits/commit-group.ts";
import { storePath } from "../../src/primitives/store/commits/store-path.ts";
import { localStores } from "../../src/primitives/store/open-engine.ts";
import { USERS_STORE } from "../../src/primitives/users/user-registry.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { startTestServer } from "../support/test-server.ts";

const NOT_LOGGED = { info: () => undefined, warn: () => undefined, error: () => undefined };

test("an administrator named after a registry, or as the server, is told of; one of a reserved name is not made", async () => {
  const { logged } = await startTestServer(["--admin-user", "default"]);
  expect(logged).toContain(
    "warn the user 'default' owns the registry 'default' because it has the same name",
  );
  await expect(startTestServer(["--admin-user", "system"])).rejects.toThrow(
    "'system' is reserved: commits by such a user would look like the server's own",
  );
});

test("a user of a reserved name that an earlier version made goes on and is told of", async () => {
  const dataDir = `${temporaryDirectory()}/data`;
  mkdirSync(dataDir, { mode: 0o700 });
  const store = await localStores(dataDir, NOT_LOGGED).open(USERS_STORE);
  const grant = '[[grants]]\npath = "*/*/*"\nrole = "owner"\n';
  const hash = await Bun.password.hash("change-me", { algorithm: "argon2id", memoryCost: 8, timeCost: 1 });
  const credential = `[[credentials]]\nkind = "password"\nhash = "${hash}"\n`;
  await store.write(storePath("users/system.toml"), Buffer.from(credential + grant), {
    author: SYSTEM_IDENTITY,
    message: "add user system",
  });
  await store.close();
  const { logged, httpPort } = await startTestServer(["--data-dir", dataDir, "--admin-user", "system"]);
  expect(logged.filter((line) => line.includes("'system' has a reserved name"))).toHaveLength(1);
  const answer = await fetch(`http://127.0.0.1:${httpPort}/v2/`, {
    headers: { Host: "localhost", Authorization: `Basic ${btoa("system:change-me")}` },
  });
  expect(answer.status).toBe(200);
});
