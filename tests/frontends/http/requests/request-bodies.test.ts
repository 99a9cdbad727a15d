import { expect, test } from "bun:test";
import type { ClientConnection } from "../../../../src/frontends/http/requests/client-connection.ts";
import { RequestBodies } from "../../../../src/frontends/http/requests/request-bodies.ts";
import { SharedBodies } from "../../../../src/frontends/http/requests/shared-bodies.ts";
import { StreamedBodies } from "../../../../src/frontends/http/requests/streamed-bodies.ts";

const LARGE = 1_000_000;
const CAPACITY = 3 * LARGE;

test("a manifest over the budget for shared bodies is streamed like a list, which can drop stalled clients", async () => {
  let now = 0;
  const lists = new StreamedBodies({ capacity: CAPACITY, now: () => now });
  // So many answers wait to be taken, of whatever kind.
  const shared = new SharedBodies(() => 100, CAPACITY);
  let closed = 0;
  const connection: Pick<ClientConnection, "closeIfIdleFor"> = {
    closeIfIdleFor: () => {
      closed++;
    },
  };
  const manifest = (value: number) => {
    const request = new Request("http://localhost/");
    const bodies = new RequestBodies(lists, shared, request, connection as ClientConnection);
    return bodies.manifest(new Uint8Array(LARGE).fill(value));
  };
  for (let i = 0; i < 3; i++) expect(manifest(i)).toBeInstanceOf(Blob);
  for (let i = 3; i < 5; i++) expect(manifest(i)).toBeInstanceOf(ReadableStream);
  expect(manifest(5)).toBeUndefined();
  now += 5000;
  const sent = new Uint8Array(await new Response(manifest(6)).arrayBuffer());
  expect(sent).toEqual(new Uint8Array(LARGE).fill(6));
  expect(closed).toBe(1);
});
