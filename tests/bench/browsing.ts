import { randomInt } from "node:crypto";
import { type Load, measureRate } from "./load.ts";
import { fillEverlock } from "./many-tags.ts";
import { cpuSeconds, EVERLOCK, type Peer, startPeer } from "./peers.ts";
import { median } from "./report.ts";
import { timed } from "./timed.ts";

const PEOPLE = 10;
/** How long a person reads a page (ms). */
const READS_FROM = 1000;
const READS_TO = 3000;
/** Visits of each page before anything is measured: of a server that has run for a while. */
const WARM_UP = 50;
const READY_ATTEMPTS = 120;

interface Place extends Load {
  readonly dir: string;
  readonly port: number;
  readonly rounds: number;
  readonly tags: number;
}

interface Pulls {
  /** Each second. */
  readonly rate: number;
  /** Of the server for each pull. */
  readonly cpuMicroseconds: number;
}

interface Visit {
  readonly what: string;
  readonly path: string;
}

const FIRST_PAGE: Visit = { what: "first page", path: "/" };
const SEARCH: Visit = { what: "search", path: "/?text=r0999" };
const VISITS: readonly Visit[] = [
  FIRST_PAGE,
  SEARCH,
  { what: "tags of a repository", path: "/repositories/many" },
  { what: "tag", path: "/repositories/many/-/tags/v000001" },
  { what: "log", path: "/log" },
];

/** Pulls at full rate with and without people who browse, and what the people wait for, in a table. */
export async function measureBrowsing({ dir, port, rounds, tags, ...load }: Place): Promise<string> {
  const home = `${dir}/${crypto.randomUUID()}`;
  const groups = Array.from({ length: tags / 10 }, (_, i) => [`r${String(i).padStart(5, "0")}`, 1] as const);
  await fillEverlock(`${home}/data`, { ...Object.fromEntries(groups), many: tags });
  const peer = await startPeer(EVERLOCK, home, port);
  const pull = { method: "GET", path: "/v2/many/manifests/v000001", headers: peer.headers } as const;
  const measure = async (): Promise<Pulls> => {
    const before = cpuSeconds(peer.pid);
    const { rate, count } = await measureRate(pull, port, load);
    return { rate, cpuMicroseconds: ((cpuSeconds(peer.pid) - before) / count) * 1e6 };
  };
  const alone: Pulls[] = [];
  const beside: Pulls[] = [];
  const waited = new Map<string, number[]>();
  try {
    for (const visit of VISITS) await visitOnceReady(peer, visit);
    for (let i = 0; i < WARM_UP; i++) for (const visit of VISITS) await visitPage(peer, visit, new Set());
    for (let round = 0; round < rounds; round++) {
      const measureAlone = async () => alone.push(await measure());
      // In turn, so that a drift of the machine weighs on both alike.
      if (round % 2 === 0) await measureAlone();
      const stop = browse(peer, waited);
      beside.push(await measure());
      await stop();
      if (round % 2 === 1) await measureAlone();
    }
  } finally {
    await peer.stop();
  }
  const changes = beside.map(({ rate }, i) => (rate / (alone[i]?.rate ?? Number.NaN) - 1) * 100);
  const rows = VISITS.map(({ what }) => {
    const times = waited.get(what) ?? [];
    return `| ${what} | ${times.length} | ${median(times).toFixed(1)} | ${Math.max(...times).toFixed(1)} |`;
  });
  return `${load.connections} clients pull a manifest by tag: ${ratesOf(alone)} alone, ${ratesOf(beside)} while ${PEOPLE} people
browse (median of the change in each of ${rounds} pairs: ${median(changes).toFixed(1)} %). ${tags / 10} repositories, and one of ${tags} tags.

| page, while clients pull | visits | median (ms) | longest (ms) |
| ------------------------ | -----: | ----------: | -----------: |
${rows.join("\n")}
`;
}

/** Medians; the processor time is of all threads of the server, and does not vary with what else the machine does as rates do. */
function ratesOf(pulls: readonly Pulls[]): string {
  const rate = Math.round(median(pulls.map((each) => each.rate)));
  const cpu = median(pulls.map((each) => each.cpuMicroseconds)).toFixed(1);
  return `${rate} requests/s at ${cpu} µs of processor time each`;
}

/** The first visit loads the pages, and those of the past wait until the history is read. */
async function visitOnceReady(peer: Peer, visit: Visit): Promise<void> {
  for (let left = READY_ATTEMPTS; ; left--) {
    try {
      await visitPage(peer, visit, new Set());
      return;
    } catch (error) {
      if (left === 0) throw error;
      await Bun.sleep(1000);
    }
  }
}

/** Lets people browse until the returned function is called. */
function browse(peer: Peer, waited: Map<string, number[]>): () => Promise<void> {
  const stopped = Promise.withResolvers<void>();
  let isStopped = false;
  const people = Array.from({ length: PEOPLE }, async (_, i) => {
    const cache = new Set<string>();
    for (let at = i; ; at++) {
      await Promise.race([stopped.promise, Bun.sleep(randomInt(READS_FROM, READS_TO))]);
      const visit = VISITS[at % VISITS.length] ?? FIRST_PAGE;
      if (isStopped) return;
      const ms = (await visitPage(peer, visit, cache)) * 1000;
      waited.set(visit.what, [...(waited.get(visit.what) ?? []), ms]);
    }
  });
  return async () => {
    isStopped = true;
    stopped.resolve();
    await Promise.all(people);
  };
}

/** Seconds until a page has arrived; its style and scripts are fetched too unless they are in `cache`, which browsers keep. */
async function visitPage(
  { port, credentials = "" }: Peer,
  { path }: Visit,
  cache: Set<string>,
): Promise<number> {
  const headers = {
    host: "localhost",
    accept: "text/html",
    authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
  };
  const get = async (address: string) => {
    const response = await fetch(new URL(address, `http://127.0.0.1:${port}`), { headers });
    if (!response.ok) throw new Error(`${address} answered ${response.status}`);
    return response.text();
  };
  let page = "";
  const seconds = await timed(async () => {
    page = await get(path);
  });
  const assets = [...page.matchAll(/(?:href|src)="(\/[^"]+\.(?:css|js))"/g)].map(
    ([, address = ""]) => address,
  );
  const missing = assets.filter((address) => !cache.has(address));
  for (const address of missing) cache.add(address);
  await Promise.all(missing.map(get));
  return seconds;
}
