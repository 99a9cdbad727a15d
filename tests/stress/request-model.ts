import type { Digest } from "../../src/primitives/digest.ts";
import type { Random } from "./random.ts";

/** A request before it is written down as bytes. */
export interface FuzzRequest {
  method: string;
  target: string;
  headers: [name: string, value: string][];
  body: Uint8Array;
}

/** What the requests can name: things that exist, some of them private, and things that do not. */
export interface Targets {
  readonly repositories: readonly string[];
  readonly tags: readonly string[];
  readonly digests: readonly Digest[];
  readonly manifests: readonly string[];
  /** Locations of upload sessions; requests add to them. */
  readonly sessions: string[];
}

export const MEDIA_TYPES = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/octet-stream",
  "text/plain",
];

type Template = (random: Random, targets: Targets) => FuzzRequest;

const request = (
  method: string,
  target: string,
  headers: FuzzRequest["headers"] = [],
  body: Uint8Array = new Uint8Array(),
): FuzzRequest => ({ method, target, headers, body });

const reference = (random: Random, { tags, digests }: Targets) =>
  random.chance(0.5) ? random.pick(tags) : random.pick(digests);

/** One for each kind of request that clients make (distribution-spec, "Endpoints"). */
const TEMPLATES: readonly Template[] = [
  () => request("GET", "/v2/"),
  (random) => request("GET", `/v2/_catalog?n=${random.below(50)}`),
  (random, { repositories }) =>
    request("GET", `/token?service=default&scope=repository:${random.pick(repositories)}:pull,push`),
  (random, { repositories, tags }) =>
    request(
      "GET",
      `/v2/${random.pick(repositories)}/tags/list?n=${random.below(20)}&last=${random.pick(tags)}`,
    ),
  (random, targets) =>
    request(
      random.pick(["GET", "HEAD"]),
      `/v2/${random.pick(targets.repositories)}/manifests/${reference(random, targets)}`,
      [["Accept", random.pick(MEDIA_TYPES)]],
    ),
  (random, targets) =>
    request(
      "PUT",
      `/v2/${random.pick(targets.repositories)}/manifests/${reference(random, targets)}`,
      [["Content-Type", random.pick(MEDIA_TYPES)]],
      Buffer.from(random.pick(targets.manifests)),
    ),
  (random, targets) =>
    request("DELETE", `/v2/${random.pick(targets.repositories)}/manifests/${reference(random, targets)}`),
  (random, { repositories, digests }) =>
    request(
      random.pick(["GET", "HEAD"]),
      `/v2/${random.pick(repositories)}/blobs/${random.pick(digests)}`,
      random.chance(0.5) ? [["Range", `bytes=${random.below(9)}-${random.below(9000)}`]] : [],
    ),
  (random, { repositories, digests }) =>
    request("DELETE", `/v2/${random.pick(repositories)}/blobs/${random.pick(digests)}`),
  (random, { repositories, digests }) =>
    request(
      "GET",
      `/v2/${random.pick(repositories)}/referrers/${random.pick(digests)}?artifactType=${random.pick(MEDIA_TYPES)}`,
    ),
  (random, { repositories, digests }) =>
    request(
      "POST",
      `/v2/${random.pick(repositories)}/blobs/uploads/?mount=${random.pick(digests)}&from=${random.pick(repositories)}`,
    ),
  (random, { repositories, digests }) =>
    request(
      "POST",
      `/v2/${random.pick(repositories)}/blobs/uploads/?digest=${random.pick(digests)}`,
      [],
      Buffer.from("x".repeat(random.below(2000))),
    ),
  (random, { repositories }) => request("POST", `/v2/${random.pick(repositories)}/blobs/uploads/`),
  (random, { sessions }) =>
    request(
      "PATCH",
      random.pick(sessions),
      [["Content-Range", `${random.below(3)}-${random.below(99)}`]],
      Buffer.alloc(99, "x"),
    ),
  (random, { sessions }) =>
    request("PATCH", random.pick(sessions), [], Buffer.alloc(random.below(5000), "y")),
  (random, { sessions, digests }) =>
    request("PUT", `${random.pick(sessions)}?digest=${random.pick(digests)}`),
  (random, { sessions }) => request(random.pick(["GET", "DELETE"]), random.pick(sessions)),
];

export function makeRequest(random: Random, targets: Targets): FuzzRequest {
  return random.pick(TEMPLATES)(random, targets);
}

/** The request as HTTP/1.1. */
export function encodeRequest({ method, target, headers, body }: FuzzRequest): Uint8Array {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines}\r\n`, "latin1"), body]);
}
