import { parseUpstreamUrl, UpstreamUrlFault } from "../../../registry/client/upstream-url.ts";

/** A host, perhaps with a port. */
const NAME = /^[a-z0-9.:[\]_-]{1,300}$/i;

/**
 * The origins that a name in a reference to an image may stand for, such as `docker.io` or `localhost:5000`: containerd sends
 * it as `ns`. Empty if it is no host.
 */
export function originsNamed(name: string): readonly string[] {
  if (!NAME.test(name)) return [];
  return ["https", "http"].flatMap((scheme) => originOf(`${scheme}://${name}`) ?? []);
}

/** The origin of an upstream; `undefined` if it has a path, so that no reference names it by a host alone. */
export function originOf(url: string): string | undefined {
  const parsed = parseUpstreamUrl(url);
  return parsed instanceof UpstreamUrlFault || parsed.base !== parsed.origin ? undefined : parsed.origin;
}
