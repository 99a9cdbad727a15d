import { expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { ADMIN_PASSWORD, addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { describeWith } from "../support/tools.ts";

const GUESSES = 250;
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
    const text = await (await fetch(`http://127.0.0.1:${server.opsPort}/metrics`)).text();
    return Number(text.match(new RegExp(`^${name} (\\d+)$`, "m"))?.[1] ?? Number.NaN);
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
    const guesses = Array.from({ length: GUESSES }, (_, i) =>
      login(server, "alice", `wrong ${i}`, "192.0.2.1"),
    );
    const answers = await Promise.all(guesses);
    expect((await comparisons()) - before).toBe(10);
    expect(answers.filter(({ status }) => status === 401).length).toBe(10);
    expect(answers.filter(({ status }) => status === 429).length).toBe(GUESSES - 10);
    const right = await login(server, "alice", "change-me", "192.0.2.1");
    expect([right.status, right.headers.get("Retry-After")]).toEqual([429, "5"]);
    expect((await login(server, "alice", "change-me", "192.0.2.2")).status).toBe(200);
  }, 60_000);

  test("250 from each of twelve addresses and a /64, at most thirty-two are compared", async () => {
    const { server, comparisons } = await start();
    await addAlice(server);
    const known = "198.51.100.1";
    expect((await login(server, "alice", "change-me", known)).status).toBe(200);
    const before = await comparisons();
    const guesses = Array.from({ length: 13 * GUESSES }, (_, i) => {
      const address = i % 13 === 12 ? `2001:db8::${(i + 1).toString(16)}` : `192.0.2.${i % 13}`;
      return login(server, "alice", `wrong ${i}`, address);
    });
    await Promise.all(guesses);
    const compared = (await comparisons()) - before;
    expect(compared).toBeGreaterThan(0);
    expect(compared).toBeLessThanOrEqual(33);
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
    expect(server.log()).toMatch(
      /245 more logins were refused within a minute, .* most from 192\.0\.2\.1 \(245\)/,
    );
  }, 60_000);
});

describeWith(["ssh", "sshpass"], "after a restart", () => {
  test("a user can log in from a known address, however many clients guess meanwhile", async () => {
    const { server } = await start();
    await addAlice(server);
    const known = "198.51.100.1";
    expect((await login(server, "alice", "change-me", known)).status).toBe(200);
    await server.end();
    const { server: again } = await start(server.dataDir);
    // More than the first guesses that addresses have which never failed.
    const guesses = Array.from({ length: 200 }, (_, i) =>
      login(again, "alice", `wrong ${i}`, `192.0.2.${i}`),
    );
    await Promise.all(guesses);
    expect((await login(again, "alice", "change-me", "203.0.113.1")).status).toBe(429);
    expect((await login(again, "alice", "change-me", known)).status).toBe(200);
  }, 60_000);
});
