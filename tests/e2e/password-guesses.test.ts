import { expect, test } from "bun:test";
import { containerTools } from "../support/containers.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_PASSWORD, addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, run } from "../support/tools.ts";

const GUESSES = 250;
/** The time after which one more guess is allowed for a user at an address. */
const REFILL_MS = 6000;
/** The time after which one more guess is allowed for a user from all addresses that failed. */
const STRANGERS_REFILL_MS = 3000;
/** Guesses of a flood that are answered before the right logins begin. */
const ANSWERED = 20;

async function start(dataDir?: string) {
  const server = await startEverlock({
    ...(dataDir !== undefined && { dataDir }),
    args: [
      ...["--frontend-ops-listen", "127.0.0.1:0"],
      // So that a test can come from many addresses.
      ...["--frontend-http-trusted-proxy", "127.0.0.1"],
    ],
  });
  const metric = async (name: string) => {
    const counts = server.nodes.map(async ({ opsPort }) => {
      const text = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
      return Number(text.match(new RegExp(`^${name} (\\d+)$`, "m"))?.[1] ?? Number.NaN);
    });
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  };
  return { server, comparisons: () => metric("everlock_password_comparisons_total") };
}

/** `again` makes the header another each time, so that no earlier login is remembered by it. */
async function login(
  server: Everlock,
  user: string,
  password: string,
  address: string,
  { again = 0, signal }: { again?: number; signal?: AbortSignal } = {},
): Promise<Response> {
  const response = await fetch(`http://127.0.0.1:${server.httpPort}/v2/`, {
    ...(signal && { signal }),
    headers: {
      Host: "localhost",
      Authorization: `Basic ${" ".repeat(again)}${btoa(`${user}:${password}`)}`,
      "X-Forwarded-For": address,
    },
  });
  await response.arrayBuffer();
  return response;
}

/** Sends guesses over so many connections at once until it is ended. */
function flood(server: Everlock, connections: number, guess: (i: number) => [user: string, address: string]) {
  const over = new AbortController();
  const { signal } = over;
  let sent = 0;
  const underWay = Promise.withResolvers<void>();
  const done = Promise.all(
    Array.from({ length: connections }, async () => {
      while (!signal.aborted) {
        const [user, address] = guess(sent);
        const answer = login(server, user, `wrong ${sent++}`, address, { signal });
        if (sent === connections + ANSWERED) underWay.resolve();
        await answer.catch((error) => {
          if (!signal.aborted) throw error;
        });
      }
    }),
  );
  return {
    sent: () => sent,
    /** Resolves once the first guesses are answered and all connections wait for an answer. */
    underWay: Promise.race([underWay.promise, done]),
    /** Waits for no answers to the last guesses. */
    async end() {
      over.abort();
      await done;
    },
  };
}

describeWith(["ssh", "sshpass"], "of simultaneous password guesses", () => {
  test("250 from one address, ten are compared, and the right password is refused like the others", async () => {
    const { server, comparisons } = await start();
    await addAlice(server);
    const before = await comparisons();
    const began = performance.now();
    const guesses = Array.from({ length: GUESSES }, (_, i) =>
      login(server, "alice", `wrong ${i}`, "192.0.2.1"),
    );
    const answers = await Promise.all(guesses);
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    const right = await login(server, "alice", "change-me", "192.0.2.1");
    const compared = (await comparisons()) - before;
    // On a busy machine, the guesses may take longer than it takes to allow another.
    const refilled = Math.floor((performance.now() - began) / REFILL_MS);
    expect(compared).toBeGreaterThanOrEqual(10);
    expect(compared).toBeLessThanOrEqual(10 + refilled);
    if (refilled === 0) {
      expect([count(401), count(429), right.status]).toEqual([10, GUESSES - 10, 429]);
      const retry = Number(right.headers.get("Retry-After"));
      expect(retry).toBeGreaterThan(0);
      expect(retry).toBeLessThanOrEqual(REFILL_MS / 1000);
    }
    expect((await login(server, "alice", "change-me", "192.0.2.2")).status).toBe(200);
  }, 60_000);

  test("250 from each of twelve addresses and a /64, at most thirty-two are compared", async () => {
    const { server, comparisons } = await start();
    await addAlice(server);
    const known = "198.51.100.1";
    expect((await login(server, "alice", "change-me", known)).status).toBe(200);
    const before = await comparisons();
    const began = performance.now();
    const guesses = Array.from({ length: 13 * GUESSES }, (_, i) => {
      const address = i % 13 === 12 ? `2001:db8::${(i + 1).toString(16)}` : `192.0.2.${i % 13}`;
      return login(server, "alice", `wrong ${i}`, address);
    });
    await Promise.all(guesses);
    const compared = (await comparisons()) - before;
    expect(compared).toBeGreaterThan(0);
    expect(compared).toBeLessThanOrEqual(33 + (performance.now() - began) / STRANGERS_REFILL_MS);
    // She is still let in where she has been before.
    expect((await login(server, "alice", "change-me", known, { again: 1 })).status).toBe(200);
  }, 60_000);
});

describeWith(["ssh", "sshpass"], "during a flood of password guesses", () => {
  test.each([
    ["one address", (i: number) => [`user${i % 40}`, "192.0.2.1"]],
    ["one address, of new names each time", (i: number) => [`user${i}`, "192.0.2.1"]],
    ["90 addresses", (i: number) => [`user${i}`, `192.0.2.${i % 90}`]],
    ["90 addresses, of the administrator's password", (i: number) => ["admin", `192.0.2.${i % 90}`]],
  ] as const)(
    "from %s the administrator can log in",
    async (_, guess) => {
      const { server } = await start();
      const attack = flood(server, 100, (i) => guess(i) as [string, string]);
      await attack.underWay;
      const times: number[] = [];
      for (let i = 0; i < 5; i++) {
        const began = performance.now();
        // From an address of its own each time, where the administrator has never been.
        const { status } = await login(server, "admin", ADMIN_PASSWORD, `198.51.100.${i}`, { again: i });
        times.push(performance.now() - began);
        expect(status).toBe(200);
      }
      await attack.end();
      console.log(
        `beside ${attack.sent()} guesses right logins took ${times.map((ms) => ms.toFixed(0)).join(", ")} ms`,
      );
    },
    60_000,
  );
});

describeWith(["ssh", "sshpass"], "during a flood of password guesses from ever new addresses", () => {
  test("the administrator can log in from a known address", async () => {
    const { server } = await start();
    const known = "198.51.100.1";
    expect((await login(server, "admin", ADMIN_PASSWORD, known)).status).toBe(200);
    const addressOf = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    const attack = flood(server, 100, (i) => [i % 2 ? "admin" : `user${i}`, addressOf(i)]);
    await attack.underWay;
    for (let i = 1; i <= 5; i++)
      expect((await login(server, "admin", ADMIN_PASSWORD, known, { again: i })).status).toBe(200);
    await attack.end();
  }, 60_000);
});

describeWith(["ssh", "sshpass"], "the log of failed logins", () => {
  test("has a line for a failed login over HTTP and a few lines for a flood, and no line can be forged", async () => {
    const { server } = await start();
    await login(server, "alice", "wrong", "192.0.2.9");
    await login(server, "evil\n2026-11-27 info all is well", "wrong", "192.0.2.10");
    const lines = () =>
      server
        .log()
        .split("\n")
        .filter((line) => line.includes("login of"));
    expect(await eventually(() => lines().length === 2)).toBe(true);
    expect(lines()[0]).toMatch(
      / warn {2}login of "alice" to the registry 'default' from 192\.0\.2\.9 refused: wrong user name or password$/,
    );
    expect(lines()[1]).toContain('login of "evil\\n2026-11-27 info all is well"');
    const guesses = Array.from({ length: GUESSES }, (_, i) =>
      login(server, "alice", `wrong ${i}`, "192.0.2.1"),
    );
    await Promise.all(guesses);
    expect(lines().length).toBe(7);
    await server.end();
    expect(server.log()).toMatch(/245 more logins were refused within a minute, .*; from 192\.0\.2\.1$/m);
  }, 60_000);
});

describeWith(["ssh", "sshpass"], "after a restart", () => {
  test("a user can log in from a known address, however many passwords are guessed there for other users", async () => {
    const { server } = await start();
    await addAlice(server);
    const known = "198.51.100.1";
    expect((await login(server, "alice", "change-me", known)).status).toBe(200);
    await server.end();
    const { server: again } = await start(server.dataDir);
    const guesses = Array.from({ length: 200 }, (_, i) => login(again, `user${i}`, "wrong", known));
    const statuses = (await Promise.all(guesses)).map(({ status }) => status);
    expect(statuses).toContain(429);
    expect((await login(again, "admin", ADMIN_PASSWORD, known)).status).toBe(429);
    expect((await login(again, "alice", "change-me", known)).status).toBe(200);
  }, 60_000);
});

describeWith(["oras", "podman", "ssh", "sshpass"], "after ten wrong passwords", () => {
  test("oras and podman wait a few seconds and log in, and an old password in their way does not count", async () => {
    const { server } = await start();
    await addAlice(server);
    const tools = containerTools();
    const env = { DOCKER_CONFIG: temporaryDirectory() };
    const arguments_ = [server.registry, "-u", "alice", "-p"];
    const oras = (password: string) =>
      run(["oras", "login", "--plain-http", ...arguments_, password], { env });
    // A robot that nobody told of the new password.
    for (let i = 0; i < 12; i++) expect((await oras("of last year")).stderr).toContain("wrong user name");
    const guess = (words: string) =>
      Promise.all(Array.from({ length: 12 }, (_, i) => login(server, "alice", `${words} ${i}`, "127.0.0.1")));
    await guess("wrong");
    expect((await oras("change-me")).code).toBe(0);
    await guess("wrong again");
    // From now on the password works there at once.
    const began = performance.now();
    await tools.must("podman", "login", "--tls-verify=false", ...arguments_, "change-me");
    expect(performance.now() - began).toBeLessThan(REFILL_MS);
  }, 60_000);
});
