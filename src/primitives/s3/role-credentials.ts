import { messageOf } from "../expected-error.ts";
import { containerKeys } from "./container-keys.ts";
import { fetchFailure } from "./fetch-failure.ts";
import { machineKeys } from "./machine-keys.ts";
import type { Role } from "./role-keys.ts";
import type { S3Credentials } from "./s3-credentials.ts";
import { S3UnavailableError } from "./s3-errors.ts";
import { tokenKeys } from "./token-keys.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Keys are renewed so long before they end (ms), or after two thirds of their time. */
const RENEWED_BEFORE_MS = 5 * 60_000;
/** Keys without an end are fetched again after this time. */
const ENDLESS_MS = 60 * 60_000;
/** Pause after a renewal that failed. */
const RETRY_MS = 10_000;

/**
 * The role that the process has, found as AWS's tools find it: by a token that Kubernetes wrote (EKS), by the service of its
 * container (ECS, EKS), or, at AWS, by the role of its machine (EC2).
 */
export function roleOf(environment: Environment, isAws: boolean): Role | undefined {
  return tokenKeys(environment) ?? containerKeys(environment) ?? machineKeys(environment, isAws);
}

/** The clients of a thread share what they fetch. */
const sources = new Map<string, RenewedKeys>();

export function roleSource(role: Role): (wereRefused?: boolean) => S3Credentials | Promise<S3Credentials> {
  const source = sources.get(role.name) ?? new RenewedKeys(role);
  sources.set(role.name, source);
  return (wereRefused) => source.current(wereRefused);
}

/** Keys that end. They are renewed in the background while those of before are still valid. */
export class RenewedKeys {
  readonly #role: Role;
  readonly #now: () => number;
  #keys: { readonly credentials: S3Credentials; readonly ends: number; readonly renewAt: number } | undefined;
  #renewing: Promise<S3Credentials> | undefined;
  #tried = Number.NEGATIVE_INFINITY;

  /** `now`: the wall clock, in milliseconds. */
  constructor(role: Role, now = Date.now) {
    this.#role = role;
    this.#now = now;
  }

  current(wereRefused = false): S3Credentials | Promise<S3Credentials> {
    const now = this.#now();
    const keys = this.#keys;
    if (keys && now < keys.ends && !wereRefused) {
      if (now >= keys.renewAt && now - this.#tried >= RETRY_MS) this.#renew().catch(() => undefined);
      return keys.credentials;
    }
    if (keys && wereRefused && now - this.#tried < RETRY_MS) return keys.credentials;
    return this.#renew();
  }

  #renew(): Promise<S3Credentials> {
    this.#tried = this.#now();
    this.#renewing ??= this.#fetch().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #fetch(): Promise<S3Credentials> {
    const { name, fetch } = this.#role;
    try {
      const { credentials, expires } = await fetch();
      const now = this.#now();
      const ends = expires?.getTime() ?? now + ENDLESS_MS;
      this.#keys = { credentials, ends, renewAt: ends - Math.min(RENEWED_BEFORE_MS, (ends - now) / 3) };
      return credentials;
    } catch (cause) {
      const reason = fetchFailure(cause) || messageOf(cause);
      throw new S3UnavailableError(`there are no keys for the object store: ${name}: ${reason}`, { cause });
    }
  }
}
