import { networkOf } from "../../../primitives/net/client-network.ts";
import { ANONYMOUS } from "../../../primitives/users/user.ts";
import type { FetchParties } from "./fetch-turns.ts";
import type { UpstreamRequest } from "./mirrored-registry.ts";

export function partiesOf({ from, author: { identity, remote } }: UpstreamRequest): FetchParties {
  const client = identity.name === ANONYMOUS ? networkOf(remote) : `user ${identity.name}`;
  return { client, upstream: from.upstream.url };
}
