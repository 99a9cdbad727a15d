import { parseRepositoryName, type RepositoryName } from "../model/repository-name.ts";

/** Where an upstream registry is. */
export interface UpstreamUrl {
  /** Without a slash at the end; with the path below which `/v2/` is, if any. */
  readonly base: string;
  readonly origin: string;
  readonly hostname: string;
  readonly isDockerHub: boolean;
}

export class UpstreamUrlFault {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

const DOCKER_HUB = "registry-1.docker.io";
/** Names of Docker Hub that are not the host of its registry. */
const DOCKER_HUB_NAMES: readonly string[] = [
  "docker.io",
  "index.docker.io",
  "registry.hub.docker.com",
  "hub.docker.com",
];
const MAX_LENGTH = 1024;

/** Reads `https://host[:port][/path]`, `http://…`, or a host alone, which stands for `https://`. */
export function parseUpstreamUrl(text: string): UpstreamUrl | UpstreamUrlFault {
  const url =
    text.length <= MAX_LENGTH
      ? URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`)
      : null;
  if (!url) return new UpstreamUrlFault("it is no URL, such as https://registry.example.org");
  if (url.protocol !== "https:" && url.protocol !== "http:")
    return new UpstreamUrlFault("it begins with neither https:// nor http://");
  if (url.username !== "" || url.password !== "")
    return new UpstreamUrlFault(
      "it holds a user name or password, which belong to the registry's credential",
    );
  if (url.search !== "" || url.hash !== "") return new UpstreamUrlFault("it has a query or fragment");
  if (DOCKER_HUB_NAMES.includes(url.hostname)) return known(new URL(`https://${DOCKER_HUB}`));
  return known(url);
}

/** A text that may be a URL, for messages: without its user name and password. */
export function withoutUser(text: string): string {
  return text.replaceAll(/(:\/\/)[^/\s]*@/g, "$1…@");
}

function known(url: URL): UpstreamUrl {
  // What clients are configured with often ends with the API's own path.
  const path = withoutSlashes(url.pathname).replace(/\/v[12]$/, "");
  const { origin, hostname } = url;
  return { base: `${origin}${path}`, origin, hostname, isDockerHub: hostname === DOCKER_HUB };
}

/** The repository as upstream names it: Docker Hub's official images are below `library/`. */
export function upstreamRepository(upstream: UpstreamUrl, repository: RepositoryName): RepositoryName {
  if (!upstream.isDockerHub || repository.includes("/")) return repository;
  return parseRepositoryName(`library/${repository}`) ?? repository;
}

function withoutSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === "/") end--;
  return path.slice(0, end);
}
