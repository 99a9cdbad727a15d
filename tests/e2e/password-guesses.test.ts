import { expect, test } from "bun:test";
import { ADMIN_PASSWORD, addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { describeWith } from "../support/tools.ts";

const GUESSES = 250;

async function start() {
  const server = await startEverlock({
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
  again = 0,
): Promise<Response> {
  const response = await fetch(`http://127.0.0.1:${server.httpPort}/v2/`, {
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
  let isOver = false;
  let sent = 0;
  const done = Promise.all(
    Array.from({ length: connections }, async () => {
      while (!isOver) {
        const [user, address] = guess(sent);
        await login(server, user, `wrong ${sent++}`, address);
      }
    }),
  );
  return {
    sent: () => sent,
    async end() {
      isOver = true;
      await done;
    },
  };
}

describeWith(["ssh", "sshpass"], "of passwords guessed", () => {
  test("250 at once from one address, ten are compared; the right one is not told from them", async () => {
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

  test("250 at once from each of twelve addresses and through a /64, thirty-two at most are compared", async () => {
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
    expect((await login(server, "alice", "change-me", known, 1)).status).toBe(200);
  }, 60_000);
});

describeWith(["ssh", "sshpass"], "beside a flood of guesses", () => {
  test.each([
    ["one address", (i: number) => [`user${i % 40}`, "192.0.2.1"]],
    ["one address, of new names each time", (i: number) => [`user${i}`, "192.0.2.1"]],
    ["90 addresses", (i: number) => [`user${i}`, `192.0.2.${i % 90}`]],
    ["90 addresses, of the administrator's password", (i: number) => ["admin", `192.0.2.${i % 90}`]],
  ] as const)(
    "from %s the administrator's right login is answered",
    async (_, guess) => {
      const { server } = await start();
      const attack = flood(server, 100, (i) => guess(i) as [string, string]);
      while (attack.sent() < 300) await Bun.sleep(20);
      const times: number[] = [];
      for (let i = 0; i < 5; i++) {
        const began = performance.now();
        // From an address of its own each time, where the administrator has never been.
        const { status } = await login(server, "admin", ADMIN_PASSWORD, `198.51.100.${i}`, i);
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
