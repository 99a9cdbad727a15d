import { expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { parseLeaseName } from "../../../../../src/primitives/store/engine/leases.ts";
import { LocalLeases } from "../../../../../src/primitives/store/engine/local/local-leases.ts";
import { afterThisTest } from "../../../../support/cleanup.ts";
import { startLeaseHolder } from "../../../../support/lease-holder.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";

const MERGE = parseLeaseName("merge") ?? expect.unreachable();

test("a process that hangs keeps its lease, and the lease is free at once when the process is killed", async () => {
  const dataDir = temporaryDirectory();
  const leases = new LocalLeases(`${dataDir}/everlock-leases`);
  const holder = await startLeaseHolder(dataDir, MERGE, "worker 7");
  holder.kill("SIGSTOP");
  expect(await leases.acquire(MERGE, "test")).toEqual({ kind: "held", by: "worker 7" });
  holder.kill("SIGKILL");
  await holder.exited;
  const outcome = await leases.acquire(MERGE, "test");
  if (outcome.kind === "held") throw new Error("the lease of a killed process is held");
  await outcome.lease.release();
});

test("a data directory gets files for leases with the first lease, and they stay after its release", async () => {
  const dir = `${temporaryDirectory()}/everlock-leases`;
  const leases = new LocalLeases(dir);
  expect(existsSync(dir)).toBe(false);
  const outcome = await leases.acquire(MERGE, "test");
  if (outcome.kind === "held") throw new Error("a lease of an empty directory is held");
  expect(readdirSync(dir).sort()).toEqual(["merge.holder", "merge.lock"]);
  await outcome.lease.release();
  expect(readdirSync(dir)).toEqual(["merge.lock"]);
});

test("whoever is refused a lease gets no words about a holder that could not write them", async () => {
  const dir = temporaryDirectory();
  const leases = new LocalLeases(dir);
  const outcome = await leases.acquire(MERGE, "test");
  if (outcome.kind === "held") throw new Error("a lease of an empty directory is held");
  afterThisTest(() => outcome.lease.release());
  rmSync(`${dir}/merge.holder`);
  expect(await leases.acquire(MERGE, "other")).toEqual({ kind: "held", by: undefined });
});

test("acquiring a lease rejects where its file can't be made, instead of calling it held", async () => {
  const path = `${temporaryDirectory()}/file`;
  writeFileSync(path, "");
  await expect(new LocalLeases(path).acquire(MERGE, "test")).rejects.toThrow("EEXIST");
  const dir = temporaryDirectory();
  writeFileSync(`${dir}/merge.lock`, "this is no database");
  await expect(new LocalLeases(dir).acquire(MERGE, "test")).rejects.toThrow("not a database");
});
