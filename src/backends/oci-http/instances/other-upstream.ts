import { type CredentialKey, credentialPlacesOf } from "../settings/credential-places.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";

/** The credentials of `before` whose upstream is gone, or is another one, or may send the password elsewhere. */
export function withOtherUpstream(
  before: readonly InstanceConfig[],
  after: readonly InstanceConfig[],
): CredentialKey[] {
  const kept = new Map(after.flatMap(credentialPlacesOf).map((place) => [place.key, place]));
  return before.flatMap(credentialPlacesOf).flatMap(({ key, upstream, realm }) => {
    const now = kept.get(key);
    return now?.upstream === upstream && now.realm === realm ? [] : [key];
  });
}
