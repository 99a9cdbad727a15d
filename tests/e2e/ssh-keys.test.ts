import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type Everlock, startEverlock } from "../support/everlock.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must, run } from "../support/tools.ts";

/** Logs in with a key and nothing else. */
function sshWithKey({ sshPort }: Everlock, key: string, user: string, command: string, ...options: string[]) {
  const fixed = [
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "IdentitiesOnly=yes",
    "PreferredAuthentications=publickey",
    ...options,
  ];
  return run([
    ...["ssh", "-p", String(sshPort), "-i", key, ...fixed.flatMap((option) => ["-o", option])],
    `${user}@127.0.0.1`,
    command,
  ]);
}

async function makeKey(...options: string[]): Promise<{ path: string; line: string; fingerprint: string }> {
  const path = `${temporaryDirectory()}/key`;
  await must(["ssh-keygen", "-q", "-N", "", "-C", "alice@laptop", "-f", path, ...options]);
  const [, fingerprint = ""] = (await must(["ssh-keygen", "-l", "-f", `${path}.pub`])).split(" ");
  return { path, line: readFileSync(`${path}.pub`, "utf8").trim(), fingerprint };
}

async function start(): Promise<Everlock> {
  const server = await startEverlock();
  await server.console("/users add alice change-me");
  return server;
}

describeWith(["ssh", "sshpass", "ssh-keygen"], "an SSH key", () => {
  test.each([
    ["Ed25519", ["-t", "ed25519"]],
    ["ECDSA", ["-t", "ecdsa", "-b", "384"]],
    ["RSA", ["-t", "rsa", "-b", "2048"]],
  ])(
    "of the type %s opens the console without a password, until it is removed",
    async (_type, options) => {
      const server = await start();
      const { path, line, fingerprint } = await makeKey(...options);
      expect((await sshWithKey(server, path, "alice", "/users list")).code).not.toBe(0);
      expect((await server.console(`/users key add alice ${line}`)).stdout).toBe(
        `  key ${fingerprint} opens the console for 'alice'\n`,
      );
      const listed = await sshWithKey(server, path, "alice", "/users key list alice");
      expect([listed.code, listed.stdout]).toEqual([
        0,
        `  ${fingerprint}  ${line.split(" ")[0]}  alice@laptop\n`,
      ]);
      expect((await sshWithKey(server, path, "admin", "/users list")).code).not.toBe(0);
      expect((await server.console("/users passwd alice another-one")).code).toBe(0);
      expect((await sshWithKey(server, path, "alice", "/users list")).code).toBe(0);
      await server.console("/users disable alice");
      expect((await sshWithKey(server, path, "alice", "/users list")).code).not.toBe(0);
      await server.console("/users enable alice");
      expect((await sshWithKey(server, path, "alice", `/users key remove alice ${fingerprint}`)).code).toBe(
        0,
      );
      expect((await sshWithKey(server, path, "alice", "/users list")).code).not.toBe(0);
    },
    60_000,
  );

  test("of the type RSA is accepted with SHA-2 signatures only", async () => {
    const server = await start();
    const { path, line } = await makeKey("-t", "rsa", "-b", "2048");
    await server.console(`/users key add alice ${line}`);
    const login = (algorithm: string) =>
      sshWithKey(server, path, "alice", "/users list", `PubkeyAcceptedAlgorithms=${algorithm}`);
    expect((await login("rsa-sha2-256")).code).toBe(0);
    expect((await login("ssh-rsa")).code).not.toBe(0);
  }, 60_000);

  test("that is invalid or belongs to another user is refused with the reason", async () => {
    const server = await start();
    const { line, fingerprint } = await makeKey("-t", "ed25519");
    const weak = await makeKey("-t", "rsa", "-b", "1024").catch(() => undefined);
    for (const [command, message] of [
      ["/users key add alice nonsense", "'nonsense' is not a supported key type"],
      ["/users key add alice ssh-ed25519 AAAA", "the key is incomplete or not a ssh-ed25519 key"],
      ["/users key add alice ssh-ed25519 ***", "the key is incomplete: its second part is not base64"],
      [`/users key remove alice ${fingerprint}`, `user 'alice' has no key ${fingerprint}`],
      ["/users key list bob", "no user 'bob'"],
      ["/users key show alice", "'show' is none of add, list, remove"],
      ...(weak ? [[`/users key add alice ${weak.line}`, "RSA keys of fewer than 2048 bits"] as const] : []),
    ] as const)
      expect((await server.console(command)).stderr).toStartWith(`error: ${message}`);
    await server.console(`/users key add alice ${line}`);
    expect((await server.console(`/users key add alice ${line}`)).stderr).toContain("already");
  }, 60_000);
});
