import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Admission, Quotas } from "../policy/quotas.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import type { StoreView } from "./store-view.ts";

/** What an instance allows. */
export type Policy = Pick<InstanceConfig, "references" | "immutable" | "quota" | "repositoryQuota">;

/** The instance's quotas, or the server's; `undefined` if there are none. */
export function quotasOf({ quotas }: StoreView, policy: Policy): Quotas | undefined {
  const { quota: registry = quotas.registry, repositoryQuota: repository = quotas.repository } = policy;
  return registry === undefined && repository === undefined ? undefined : { registry, repository };
}

/** Why a quota does not allow what is to be stored, in words for the client. */
export async function overQuota(
  view: StoreView,
  policy: Policy,
  repository: RepositoryName,
  admission: Admission,
): Promise<string | undefined> {
  const quotas = quotasOf(view, policy);
  return quotas && view.changes.admit(repository, admission, quotas);
}
