import { expect, test } from "bun:test";
import { binary } from "../support/binary.ts";
import { addAlice, sshRun, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { NODE_ENV, nodeArgs, startNode } from "../support/s3-cluster.ts";
import { sharedS3Server } from "../support/s3-server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, run } from "../support/tools.ts";

describeWith(
  ["versitygw", "ssh", "sshpass"],
  "commands on a bucket, without a server on this machine",
  () => {
    const bucket = sharedS3Server();

    const everlock = (
      args: readonly string[],
      options: { readonly stdin?: string; readonly cwd?: string } = {},
    ) => run([binary(), ...args], { cwd: temporaryDirectory(), ...options, env: NODE_ENV });

    test("'users' and 'passwd' change users beside a node, where that is valid at once", async () => {
      const location = bucket();
      const node = await startNode(location);
      await addAlice(node);
      const storage = nodeArgs(location);
      expect(await everlock(["users", "add", "rescue", ...storage], { stdin: "s3cret-one\n" })).toEqual({
        code: 0,
        stdout: "user 'rescue' created\n",
        stderr: "",
      });
      expect((await everlock(["users", "grant", "rescue", "*/*/*", "owner", ...storage])).code).toBe(0);
      expect((await sshRun(node.sshPort, "rescue", "s3cret-one", "/users list")).stdout).toContain("rescue");
      const changed = await everlock(["passwd", "rescue", ...storage], { stdin: "s3cret-two\n" });
      expect([changed.code, changed.stderr]).toEqual([0, ""]);
      expect((await sshRun(node.sshPort, "rescue", "s3cret-two", "/users list")).code).toBe(0);
      expect((await sshRun(node.sshPort, "rescue", "s3cret-one", "/users list")).code).not.toBe(0);
      const listed = await everlock(["users", "list", "--json", ...storage]);
      expect(
        listed.stdout
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line).login),
      ).toEqual(["admin", "alice", "anon", "rescue"]);
      const again = await everlock(["users", "add", "rescue", ...storage], { stdin: "s3cret-one\n" });
      expect([again.code, again.stderr]).toEqual([3, expect.stringContaining("rescue")]);
      await node.end();
      const alone = await everlock(["users", "disable", "rescue", ...storage]);
      expect([alone.code, alone.stderr]).toEqual([0, ""]);
      const refused = await everlock(["users", "list", "--data-dir", node.dataDir]);
      const url = `s3://${location.bucket}/${location.prefix}`;
      expect([refused.code, refused.stderr]).toEqual([
        1,
        `everlock: the data directory ${node.dataDir} belongs to a node of ${url}: it holds no stores; give --storage ${url}, or use another --data-dir\n`,
      ]);
    }, 60_000);

    test("do not ask a server of this machine that keeps its stores elsewhere", async () => {
      const location = bucket();
      const node = await startNode(location);
      await node.end();
      const cwd = temporaryDirectory();
      const local = await startEverlock({ dataDir: `${cwd}/data` });
      const added = await everlock(["users", "add", "carol", ...nodeArgs(location)], {
        stdin: "s3cret-one\n",
        cwd,
      });
      expect([added.code, added.stderr]).toEqual([0, ""]);
      expect((await local.console("/users list")).stdout).not.toContain("carol");
      expect((await everlock(["users", "list", ...nodeArgs(location)])).stdout).toContain("carol");
    }, 60_000);

    test("'gc' applies the rules beside a node, and keeps what nodes may rely on", async () => {
      const location = bucket();
      const node = await startNode(location);
      await addAlice(node);
      const client = new RegistryClient(node.httpPort, "app");
      await client.pushImage("v1");
      const { layer } = await client.pushImage("v2");
      expect((await node.console("/oci set default cleanup=**,newest=1 --yes")).code).toBe(0);
      const gc = (...words: string[]) => everlock(["gc", ...words, ...nodeArgs(location)]);
      const planned = await gc("--dry-run");
      expect([planned.code, planned.stderr]).toEqual([0, ""]);
      expect(planned.stdout).toContain("  app:v1\neverlock-oci-local: would remove 1 tag");
      const done = await gc("--gc-grace", "1s");
      expect([done.code, done.stderr]).toEqual([0, ""]);
      // Nodes may rely on what was pushed within the last minutes.
      expect(done.stdout).toContain("everlock-oci-local: removed 1 tag, 0 manifests, 0 blobs");
      const tags = await (await client.fetch("tags/list")).json();
      expect(tags).toMatchObject({ tags: ["v2"] });
      await client.verifyImage("v2");
      expect((await client.fetch(`blobs/${layer}`)).status).toBe(200);
    }, 60_000);
  },
);
