import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { addAlice, type Everlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { startNode } from "../support/s3-cluster.ts";
import { sharedS3Server } from "../support/s3-server.ts";
import { describeWith } from "../support/tools.ts";
import { WebClient } from "../support/web-client.ts";

const STORE = "everlock-oci-local";

interface ListedNode {
  readonly node: string;
  readonly isThis: boolean;
  readonly state: string;
  readonly behindSeconds: number;
}

async function nodesSeenBy(node: Everlock): Promise<ListedNode[]> {
  const { stdout } = await node.console("/nodes --json");
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as ListedNode);
}

const clientOf = ({ httpPort }: Everlock, credentials?: string | null) =>
  new RegistryClient(httpPort, "team/app", credentials);

describeWith(["versitygw", "ssh", "sshpass"], "what nodes of an object store share", () => {
  const bucket = sharedS3Server();

  async function startTwo() {
    const location = bucket();
    const [a, b] = [await startNode(location), await startNode(location)];
    await addAlice(a);
    return { location, a, b };
  }

  test("is the key of tokens, also after all were killed and lost their disks", async () => {
    const { location, a, b } = await startTwo();
    await clientOf(a).pushImage("v1", 100);
    const scope = "repository:team/app:pull";
    const answer = await clientOf(a).fetch(`/token?${new URLSearchParams({ scope })}`);
    const { token } = (await answer.json()) as { token: string };
    const pull = async (node: Everlock, bearer: string) => {
      const headers = { Authorization: `Bearer ${bearer}` };
      return (await clientOf(node, null).fetch("manifests/v1", { headers })).status;
    };
    expect([await pull(a, token), await pull(b, token), await pull(b, `${token}x`)]).toEqual([200, 200, 401]);
    await Promise.all([a, b].map((node) => node.end("SIGKILL")));
    expect(await pull(await startNode(location), token)).toBe(200);
  }, 60_000);

  test("is a sign-out of the pages, which holds on a node that another one reached, and after all were restarted", async () => {
    const { location, a, b } = await startTwo();
    const signedIn = await new WebClient(a.httpPort).signIn("alice", "change-me");
    const headers = { Cookie: signedIn.headers.get("Set-Cookie")?.split(";")[0] ?? "" };
    const account = async (node: Everlock) =>
      (await new WebClient(node.httpPort).fetch("/account", { headers })).status;
    expect([await account(a), await account(b)]).toEqual([200, 200]);
    await new WebClient(a.httpPort).fetch("/sign-out", { method: "POST", headers });
    expect(await account(a)).toBe(303);
    expect(await eventually(async () => (await account(b)) === 303)).toBe(true);
    await Promise.all([a, b].map((node) => node.end("SIGKILL")));
    expect(await account(await startNode(location))).toBe(303);
  }, 60_000);

  test("is the list of those that live, which a stopped one leaves at once", async () => {
    const { a, b } = await startTwo();
    expect(await eventually(async () => (await nodesSeenBy(a)).length === 2)).toBe(true);
    const [seen, seenByOther] = [await nodesSeenBy(a), await nodesSeenBy(b)];
    expect(seen.map(({ state }) => state)).toEqual(["alive", "alive"]);
    for (const { behindSeconds } of seen) expect(behindSeconds).toBeLessThan(10);
    const own = seen.find(({ isThis }) => isThis);
    expect(seenByOther.find(({ isThis }) => !isThis)?.node).toBe(own?.node ?? "nobody");
    expect((await a.console("/nodes")).stdout).toContain(`${own?.node} (this)`);
    expect(await b.end()).toBe(0);
    expect((await nodesSeenBy(a)).map(({ node }) => node)).toEqual([own?.node ?? "nobody"]);
  }, 60_000);

  test("is which repository has which blob; a node whose copy of that is damaged makes it again", async () => {
    const { a, b } = await startTwo();
    const blob = await clientOf(a).pushBlob(Buffer.from("layer"));
    {
      // As a bad disk does: the sums stay.
      using db = new Database(`${a.dataDir}/${STORE}/links.sqlite`, { readwrite: true });
      db.run("UPDATE blob_links SET linked_at = 1");
    }
    await clientOf(b).pushBlob(Buffer.from("layer"));
    const other = await clientOf(b).pushBlob(Buffer.from("other"));
    const status = async (digest: string) => (await clientOf(a).fetch(`blobs/${digest}`)).status;
    expect(await eventually(async () => (await status(other)) === 200 && (await status(blob)) === 200)).toBe(
      true,
    );
    expect(a.log()).toContain(`links.sqlite of the store '${STORE}' was replaced`);
    await clientOf(a).pushImage("v1", 100);
    await clientOf(b).verifyImage("v1");
  }, 60_000);
});
