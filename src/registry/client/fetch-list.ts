import { isRecord } from "../../primitives/text/records.ts";
import { parseRepositoryName, type RepositoryName } from "../model/repository-name.ts";
import { parseTag, type Tag } from "../model/tag.ts";
import { pullScope } from "./fetch-manifest.ts";
import { nextPage } from "./next-page.ts";
import type { ListRequest, UpstreamPage } from "./registry-client.ts";
import type { Transport, UpstreamResponse } from "./transport.ts";

/** In bytes, of a page. Some registries ignore `n` and send all that they have. */
const MAX_PAGE_BYTES = 8 * 1024 * 1024;

interface List<T> {
  readonly path: string;
  readonly scope: string;
  readonly wanted: string;
  /** Of the entries in the JSON. */
  readonly field: string;
  parse(text: string): T | undefined;
}

/** `undefined`: upstream does not know the repository. Rejects with `UpstreamFault`, as does `fetchRepositories`. */
export function fetchTags(
  transport: Transport,
  repository: RepositoryName,
  request: ListRequest,
): Promise<UpstreamPage<Tag> | undefined> {
  return fetchList(
    transport,
    {
      path: `/v2/${repository}/tags/list`,
      scope: pullScope(repository),
      wanted: "the list of tags",
      field: "tags",
      parse: parseTag,
    },
    request,
  );
}

export function fetchRepositories(
  transport: Transport,
  request: ListRequest,
): Promise<UpstreamPage<RepositoryName> | undefined> {
  return fetchList(
    transport,
    {
      path: "/v2/_catalog",
      scope: "registry:catalog:*",
      wanted: "the list of repositories",
      field: "repositories",
      parse: parseRepositoryName,
    },
    request,
  );
}

async function fetchList<T>(
  transport: Transport,
  list: List<T>,
  { limit, after, signal }: ListRequest,
): Promise<UpstreamPage<T> | undefined> {
  const { path, scope, wanted } = list;
  const query = new URLSearchParams({
    n: String(limit),
    ...(after && "last" in after && { last: after.last }),
  });
  const cursor = after && "cursor" in after ? after.cursor : undefined;
  const response = await transport.send({
    ...{ method: "GET", path: cursor ?? `${path}?${query}`, scope, wanted, signal, expected: [404] },
    headers: { Accept: "application/json" },
  });
  if (response.status === 404) {
    response.body.discard();
    return undefined;
  }
  const entries = await entriesIn(transport, response, list);
  return { entries, next: nextPage(transport, response, path, cursor) };
}

async function entriesIn<T>(
  transport: Transport,
  response: UpstreamResponse,
  { wanted, field, parse }: List<T>,
): Promise<T[]> {
  const bytes = await response.body.bytes(MAX_PAGE_BYTES);
  if (!bytes) throw transport.fault(response.url, `${wanted} is longer than ${MAX_PAGE_BYTES} bytes`);
  // Go's JSON encoder writes null for an empty list.
  const found = jsonField(bytes, field) ?? [];
  if (!Array.isArray(found)) throw transport.fault(response.url, `what it sends as ${wanted} is none`);
  return found.flatMap((entry) => (typeof entry === "string" ? (parse(entry) ?? []) : []));
}

/** `false` for what is no JSON object. */
function jsonField(bytes: Uint8Array, field: string): unknown {
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString());
    return isRecord(json) && json[field];
  } catch {
    return false;
  }
}
