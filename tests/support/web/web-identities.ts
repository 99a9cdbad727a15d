import { consoleLines } from "../console-line.ts";
import type { TestServer } from "../test-server.ts";
import { WebClient } from "../web-client.ts";
import { consoleOutput, OTHER_HOST } from "./hidden-world.ts";

/** A user, and the way in which requests are authenticated. */
export interface Identity {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
}

export const ANON: Identity = { name: "anon", headers: {} };

export function basic(user: string, password = "change-me"): Identity {
  return { name: `${user} by Basic`, headers: { Authorization: `Basic ${btoa(`${user}:${password}`)}` } };
}

/** Signs in by the form. */
export async function session(port: number, user: string, host = "localhost"): Promise<Identity> {
  const response = await new WebClient(port).fetch("/sign-in", {
    method: "POST",
    headers: { Host: host, "Content-Type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ user, password: "change-me" }).toString(),
  });
  const [cookie = ""] = response.headers.get("Set-Cookie")?.split(";") ?? [];
  if (!cookie.startsWith("everlock=")) throw new Error(`no session for ${user}: ${response.status}`);
  return { name: `${user} by session`, headers: { Cookie: cookie } };
}

async function apiToken(server: TestServer, user: string, limit: string): Promise<Identity> {
  const printed = await consoleOutput(
    server,
    `/users token add ${user} name=${limit === "" ? "all" : "part"} ${limit}`,
  );
  const [token = ""] = printed.match(/evl_\S+/) ?? [];
  return { ...basic(user, token), name: `${user} by a token${limit === "" ? "" : ` with ${limit}`}` };
}

async function bearer(port: number, user: string, scope: string): Promise<Identity> {
  const { headers } = basic(user);
  const response = await new WebClient(port).fetch(`/token?scope=${encodeURIComponent(scope)}`, { headers });
  const { token } = (await response.json()) as { token: string };
  return { name: `${user} by Bearer for ${scope}`, headers: { Authorization: `Bearer ${token}` } };
}

const OPEN = "path=http/oci/default/open/** role=reader";
const OPEN_SCOPE = "repository:open/lib:pull";

/** Who may not read the hidden repository, in every way of logging in. */
export async function strangers(server: TestServer): Promise<Identity[]> {
  const { httpPort } = server;
  const made = [
    ANON,
    await session(httpPort, "nobody"),
    basic("nobody"),
    await session(httpPort, "stranger"),
    await apiToken(server, "stranger", ""),
    await bearer(httpPort, "stranger", OPEN_SCOPE),
    await apiToken(server, "reader", OPEN),
    await bearer(httpPort, "reader", OPEN_SCOPE),
    await apiToken(server, "alice", OPEN),
    await bearer(httpPort, "alice", OPEN_SCOPE),
  ];
  return [...made, ...(await ended(server))];
}

/** Sessions that no longer count, and those of another registry. */
async function ended(server: TestServer): Promise<Identity[]> {
  const { httpPort } = server;
  const [signedOut, disabled, other] = [
    await session(httpPort, "alice"),
    await session(httpPort, "disabled"),
    await session(httpPort, "alice", OTHER_HOST),
  ];
  const cookie = signedOut.headers["Cookie"] ?? "";
  await new WebClient(httpPort).fetch("/sign-out", { method: "POST", headers: { Cookie: cookie } });
  await consoleLines(server, "/users disable disabled");
  const [head, body, signature] = cookie.split(".");
  return [
    { ...signedOut, name: "alice by an ended session" },
    { ...disabled, name: "a disabled user by session" },
    { ...basic("disabled"), name: "a disabled user by Basic" },
    { ...other, name: "alice by the session of another registry" },
    {
      name: "a forged session",
      headers: { Cookie: `${head}.${body}.${signature?.split("").reverse().join("")}` },
    },
    { name: "a session as Bearer", headers: { Authorization: `Bearer ${cookie.replace("everlock=", "")}` } },
  ];
}

/** A user of a role, in every way of logging in. */
export async function everyLogin(server: TestServer, user: string): Promise<Identity[]> {
  const { httpPort } = server;
  return [
    await session(httpPort, user),
    basic(user),
    await apiToken(server, user, ""),
    await bearer(httpPort, user, "repository:hidden/app:pull,push,delete"),
  ];
}
