import { type Actor, requireAdministrator } from "../actor.ts";
import { BACKENDS, type BackendName, type BackendState, type BackendSwitch } from "../backend-switch.ts";

export interface BackendServices {
  readonly backends: Pick<BackendSwitch, "stateOf" | "enable" | "disable">;
}

export interface BackendRecord {
  readonly name: BackendName;
  readonly state: BackendState;
}

export function listBackends({ backends }: BackendServices): BackendRecord[] {
  return BACKENDS.map((name) => ({ name, state: backends.stateOf(name) }));
}

/** Enables backends; for administrators. Resolves with those that were not enabled already. */
export async function enableBackends(
  { backends }: BackendServices,
  actor: Actor,
  names: readonly BackendName[],
): Promise<readonly BackendName[]> {
  requireAdministrator(actor);
  return backends.enable(actor.identity, names);
}

/**
 * Disables backends, which then respond that they are out of service; for administrators. Resolves with those that were not
 * disabled already.
 */
export async function disableBackends(
  { backends }: BackendServices,
  actor: Actor,
  names: readonly BackendName[],
): Promise<readonly BackendName[]> {
  requireAdministrator(actor);
  return backends.disable(actor.identity, names);
}
