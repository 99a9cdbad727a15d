import { ExpectedError } from "../../../primitives/expected-error.ts";
import { counted } from "../../../primitives/text/counted.ts";
import { type Actor, requireAdministrator } from "../../actor.ts";
import type { InstanceRegistry } from "../instances/instance-registry.ts";
import type { Divergence } from "../replica/divergence.ts";
import type { ReplicaRecord, Replicas } from "../replica/replicas.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import { requireConfirmation } from "./consequences.ts";
import { configOf } from "./registry-access.ts";

export type { ReplicaRecord } from "../replica/replicas.ts";

/** The services that operations on replicas use. */
export interface ReplicaServices {
  readonly instances: Pick<InstanceRegistry, "list" | "set">;
  readonly replicas: Pick<Replicas, "list" | "divergenceOf" | "giveUp" | "settled">;
}

/** The registry is not in the state that the operation ends. */
export class NothingToDoError extends ExpectedError {
  override readonly name = "NothingToDoError";
  override readonly kind = "unchanged";
}

interface ReplicaRequest {
  readonly name: InstanceName;
  readonly isSure: boolean;
}

/** A replica that has become a registry of its own. */
export interface PromotedRecord {
  readonly name: InstanceName;
  /** The URL of the former primary. */
  readonly primary: string | undefined;
  /** Its newest commit. */
  readonly head: string | undefined;
}

/** How replicas stand to their primaries; all users may know, as of `listRegistries`. */
export function replicaOf(
  { replicas }: Pick<ReplicaServices, "replicas">,
  name: InstanceName,
): ReplicaRecord | undefined {
  return replicas.list().find(({ registry }) => registry === name);
}

/**
 * Makes a replica a registry that accepts pushes and follows nothing; for administrators. Rejects with `UnconfirmedError` if it
 * may lack commits of its primary, unless the actor is sure.
 */
export async function promoteReplica(
  { instances, replicas }: ReplicaServices,
  actor: Actor,
  { name, isSure }: ReplicaRequest,
): Promise<PromotedRecord> {
  requireAdministrator(actor);
  requireReplica(configOf({ instances }, name));
  const record = replicaOf({ replicas }, name);
  requireConfirmation(lossesOf(record), isSure);
  await instances.set(actor.identity, name, {
    follow: undefined,
    upstream: undefined,
    upstreamStore: undefined,
    // Of an upstream that it no longer has.
    ...{ upstreamCa: undefined, upstreamRealm: undefined, upstreamPrivate: "refuse", nsVhosts: [] },
  });
  await replicas.settled(name);
  return { name, primary: record?.primary, head: record?.head };
}

function lossesOf(record: ReplicaRecord | undefined): string[] {
  const name = record?.registry;
  if (!record || record.state.kind === "starting")
    return ["it is not known whether the replica has all commits of its primary"];
  if (record.state.kind === "behind")
    return [
      `'${name}' lacks ${counted(record.state.commits, "commit")} of ${record.primary}, which it would never get`,
    ];
  if (record.state.kind === "complete" && record.lagSeconds > 0)
    return [
      `${record.primary} last answered ${Math.round(record.lagSeconds)} s ago: '${name}' would lack what was pushed since`,
    ];
  return [];
}

/**
 * Lets a replica whose history has diverged take that of its primary in place of its own; for administrators. Rejects with
 * `UnconfirmedError`, which says what is given up, unless the actor is sure.
 */
export async function resyncReplica(
  { instances, replicas }: ReplicaServices,
  actor: Actor,
  { name, isSure }: ReplicaRequest,
): Promise<Divergence> {
  requireAdministrator(actor);
  requireReplica(configOf({ instances }, name));
  const divergence = replicas.divergenceOf(name);
  if (!divergence)
    throw new NothingToDoError(
      `'${name}' has no commits that its primary lacks, or another node follows for it; nothing is to be given up`,
    );
  requireConfirmation(
    [
      `'${name}' would give up ${counted(divergence.own, "commit")}, up to ${divergence.ours}, that its primary does not have: ${divergence.reason}`,
    ],
    isSure,
  );
  replicas.giveUp(name, divergence);
  return divergence;
}

function requireReplica({ name, follow }: InstanceConfig): void {
  if (follow === undefined) throw new NothingToDoError(`'${name}' is no replica`);
}
