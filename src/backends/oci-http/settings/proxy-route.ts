import { withoutUser } from "../../../registry/client/upstream-url.ts";
import { parseRepositoryName } from "../../../registry/model/repository-name.ts";
import {
  CHECK_WANTED,
  type CheckInterval,
  parseCaPath,
  parseCheckInterval,
  parseRealmOrigin,
  parseUpstream,
  parseWait,
  REALM_WANTED,
  upstreamAdvice,
  WAIT_WANTED,
  type WaitTime,
} from "./upstream-values.ts";

/** Another registry, from which the repositories below a prefix of this one come. */
export interface ProxyRoute {
  /** Whole components of names, such as `hub`; upstream's names are without it. */
  readonly prefix: string;
  readonly upstream: string;
  /** As the settings of the registry with these names, for this upstream; `undefined`: as the registry has them. */
  readonly check?: CheckInterval;
  readonly wait?: WaitTime;
  readonly ca?: string;
  readonly private?: "allow";
  readonly realm?: string;
  /** Whether what the operator of the server gives for the upstream's host is sent there. */
  readonly credentials?: "allow";
}

export const PROXY_EXAMPLE = "hub/**,https://registry-1.docker.io";
const BELOW = "/**";

class Fault {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

/** Parses `hub/**,https://registry-1.docker.io,check=1h`; `undefined` if invalid. */
export function parseProxyRoute(text: string): ProxyRoute | undefined {
  const route = read(text);
  return route instanceof Fault ? undefined : route;
}

/** What is wrong with a text that is no route. */
export function proxyRouteAdvice(text: string): string | undefined {
  const route = read(text);
  return route instanceof Fault ? route.reason : undefined;
}

export function formatProxyRoute({
  prefix,
  upstream,
  check,
  wait,
  ca,
  private: allowed,
  realm,
  credentials,
}: ProxyRoute): string {
  return [
    `${prefix}${BELOW}`,
    upstream,
    ...(check ? [`check=${check}`] : []),
    ...(wait ? [`wait=${wait}`] : []),
    ...(ca ? [`ca=${ca}`] : []),
    ...(allowed ? [`private=${allowed}`] : []),
    ...(realm ? [`realm=${realm}`] : []),
    ...(credentials ? [`credentials=${credentials}`] : []),
  ].join(",");
}

/** Why routes can't be together, if so. */
export function clashOf(routes: readonly ProxyRoute[]): string | undefined {
  const prefixes = routes.map(({ prefix }) => prefix).sort((a, b) => a.length - b.length);
  for (const [i, wide] of prefixes.entries()) {
    const narrow = prefixes.slice(i + 1).find((prefix) => `${prefix}/`.startsWith(`${wide}/`));
    if (narrow === undefined) continue;
    return wide === narrow
      ? `proxy=${wide}${BELOW} is there twice; a prefix has one upstream`
      : `proxy=${wide}${BELOW} covers proxy=${narrow}${BELOW}; give them prefixes of which none contains the other`;
  }
  return undefined;
}

function read(text: string): ProxyRoute | Fault {
  const [pattern = "", url, ...words] = text.split(",");
  const prefix = prefixOf(pattern);
  if (prefix instanceof Fault) return prefix;
  if (url === undefined)
    return new Fault(`the upstream of ${pattern} is missing; use proxy=${PROXY_EXAMPLE}`);
  const upstream = parseUpstream(url);
  if (upstream === undefined)
    return new Fault(`'${withoutUser(url)}': ${upstreamAdvice(url) ?? "it is no URL"}`);
  let route: ProxyRoute = { prefix, upstream };
  for (const word of words) {
    const option = optionOf(word);
    if (option instanceof Fault) return option;
    if (Object.keys(option).some((key) => Object.hasOwn(route, key)))
      return new Fault(`${word.split("=")[0]}= is there twice`);
    route = { ...route, ...option };
  }
  return route;
}

function prefixOf(pattern: string): string | Fault {
  if (pattern === "**" || pattern === "")
    return new Fault(
      "for all repositories of a registry, use upstream=; a proxy has a prefix, such as hub/**",
    );
  const prefix = pattern.endsWith(BELOW) ? pattern.slice(0, -BELOW.length) : undefined;
  if (prefix !== undefined && parseRepositoryName(prefix)) return prefix;
  return new Fault(
    `'${pattern}' is no prefix; it begins as names of repositories do, and ends with /**, such as hub/**`,
  );
}

function optionOf(word: string): Partial<ProxyRoute> | Fault {
  const [, key = "", value = ""] = word.match(/^([a-z]+)=(.*)$/) ?? [];
  switch (key) {
    case "check": {
      const check = parseCheckInterval(value);
      return check ? { check } : new Fault(`check= must be ${CHECK_WANTED}`);
    }
    case "wait": {
      const wait = parseWait(value);
      return wait ? { wait } : new Fault(`wait= must be ${WAIT_WANTED}`);
    }
    case "ca": {
      const ca = parseCaPath(value);
      return ca ? { ca } : new Fault("ca= must be an absolute path");
    }
    case "private":
      return value === "allow" ? { private: value } : new Fault("private= can only be 'allow'");
    case "realm": {
      const realm = parseRealmOrigin(value);
      return realm ? { realm } : new Fault(`realm= must be ${REALM_WANTED}`);
    }
    case "credentials":
      return value === "allow" ? { credentials: value } : new Fault("credentials= can only be 'allow'");
    default:
      return new Fault(
        `'${word}' is no option of a proxy; use check=, wait=, ca=, private=allow, realm= or credentials=allow`,
      );
  }
}
