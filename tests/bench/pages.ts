/*
 * What pages and the API cost on the main thread, with 10,000 repositories and a repository of 100,000 tags:
 *
 *     bun tests/bench/pages.ts [directory that is kept, or filled] [share of these numbers, such as 0.1]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Actor } from "../../src/backends/actor.ts";
import { parseMoment } from "../../src/backends/oci-http/operations/moment.ts";
import {
  type RepositorySearch,
  searchRepositories,
} from "../../src/backends/oci-http/operations/search-repositories.ts";
import { searchTags, type TagSearch } from "../../src/backends/oci-http/operations/search-tags.ts";
import { OciStore } from "../../src/backends/oci-http/store/oci-store.ts";
import { consoleLogger } from "../../src/primitives/logging/logger.ts";
import { SYSTEM_IDENTITY } from "../../src/primitives/store/commits/commit-group.ts";
import { storePath } from "../../src/primitives/store/commits/store-path.ts";
import { localStores } from "../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../src/primitives/store/store-manager.ts";
import type { RepositoryName } from "../../src/registry/model/repository-name.ts";
import { ADMINISTRATOR, actorWith, usersWithAnonymous } from "../support/actors.ts";
import { DEFAULT, registryOver } from "../support/registry-services.ts";
import { fillEverlock } from "./many-tags.ts";
import { timed } from "./timed.ts";

const [, , GIVEN_DIR, SHARE = "1"] = process.argv;
const REPOSITORIES = 10_000 * Number(SHARE);
const TAGS = 100_000 * Number(SHARE);
const TRIES = 11;
const LIMIT = 50;
const FILL_MS = 600_000;

const ACTORS: Readonly<Record<string, Actor>> = {
  all: actorWith(ADMINISTRATOR),
  half: actorWith({ "http/oci/default/a/*": "reader" }),
  few: actorWith({ "http/oci/default/few/*": "reader" }),
  "few by a wide pattern": actorWith({ "http/oci/default/*/r00000": "reader" }),
};

/**
 * Milliseconds: the median and the longest of several runs, the median of the processor time, and the longest time for which the
 * thread was blocked, which also counts what other processes took from it.
 */
async function report(what: string, work: () => Promise<unknown>, tries = TRIES): Promise<void> {
  const times: number[] = [];
  const used: number[] = [];
  let blocked = 0;
  for (let i = 0; i < tries; i++) {
    let isOver = false;
    let last = performance.now();
    const watch = () => {
      const now = performance.now();
      blocked = Math.max(blocked, now - last);
      last = now;
      if (!isOver) setImmediate(watch);
    };
    setImmediate(watch);
    const before = process.cpuUsage();
    times.push((await timed(work)) * 1000);
    const { user, system } = process.cpuUsage(before);
    used.push((user + system) / 1000);
    isOver = true;
    await Bun.sleep(5);
  }
  times.sort((a, b) => a - b);
  used.sort((a, b) => a - b);
  const ms = (value = Number.NaN) => value.toFixed(1).padStart(8);
  console.log(
    `${what.padEnd(62)} ${ms(times[times.length >> 1])} ${ms(times.at(-1))} ${ms(used[tries >> 1])} ${ms(blocked)}`,
  );
}

const dir = GIVEN_DIR ?? mkdtempSync(`${tmpdir()}/everlock-pages-`);
try {
  const names = Array.from({ length: REPOSITORIES }, (_, i) => {
    const group = i % 100 === 0 ? "few" : i % 2 === 0 ? "a" : "b";
    return [`${group}/r${String(i).padStart(5, "0")}`, 10] as const;
  });
  if (GIVEN_DIR === undefined || !(await Bun.file(`${dir}/filled`).exists())) {
    await fillEverlock(dir, { ...Object.fromEntries(names), bench: TAGS });
    await Bun.write(`${dir}/filled`, "");
  }
  const oci = await OciStore.open(localStores(dir, consoleLogger), "everlock-oci-local" as StoreName);
  const services = {
    ...registryOver({ oci }),
    users: usersWithAnonymous({ "http/oci/default/a/*": "reader" }),
  };
  console.log(`${"".padEnd(62)}   median  longest      cpu  blocked (ms)`);
  await report("history caught up", () => oci.history.catchUp(), 1);
  await report("first page, before anything is measured", () => repositories("all", {}), 1);
  await report("measured for the first time", () => oci.summaries.newest(FILL_MS), 1);
  for (const actor of Object.keys(ACTORS)) {
    for (const sort of ["name", "pushed", "size", "tags"] as const)
      await report(`repositories by ${sort}, may read ${actor}`, () => repositories(actor, { sort }));
    for (const text of ["r0", "r09999", "nothing"])
      await report(`search '${text}', may read ${actor}`, () => repositories(actor, { text }));
  }

  const { commitId = "" } = oci.store.head();
  await oci.store.write(storePath("readme"), Buffer.from("x"), { author: SYSTEM_IDENTITY, message: "later" });
  const at = parseMoment(commitId);
  const tags = (options: Partial<TagSearch>) =>
    searchTags(services, ACTORS["all"] ?? actorWith({}), {
      instance: DEFAULT,
      repository: "bench" as RepositoryName,
      sort: "name",
      descending: true,
      limit: LIMIT,
      ...options,
    });
  for (const sort of ["name", "version", "pushed", "size"] as const) {
    await report(`tags by ${sort}`, () => tags({ sort }));
    if (sort !== "size") await report(`tags by ${sort}, as of a commit`, () => tags({ sort, at }));
  }
  for (const text of ["v0", "99999", "nothing"]) {
    await report(`tags with '${text}'`, () => tags({ text }));
    await report(`tags with '${text}', as of a commit`, () => tags({ text, at }));
  }
  for (const sort of ["name", "pushed", "tags"] as const)
    await report(`repositories by ${sort}, as of a commit`, () => repositories("all", { sort, at }), 3);
  await report("search 'nothing', as of a commit", () => repositories("all", { text: "nothing", at }), 3);

  function repositories(actor: string, options: Partial<RepositorySearch>) {
    const request = { instance: DEFAULT, sort: "name", descending: true, limit: LIMIT, ...options } as const;
    return searchRepositories(services, ACTORS[actor] ?? actorWith({}), request);
  }

  await oci.close();
} finally {
  if (GIVEN_DIR === undefined) rmSync(dir, { recursive: true });
}
