import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Admission, Quotas } from "../policy/quotas.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import type { StoreView } from "./store-view.ts";

/** The settings of an instance that restrict pushes. */
export type Policy = Pick<InstanceConfig, "references" | "immutable" | "quota" | "repositoryQuota">;

/** The instance's quotas, or the server's; `undefined` if there are none. */
export function quotasOf({ quotas }: StoreView, policy: Policy): Quotas | undefined {
  const { quota: registry = quotas.registry, repositoryQuota: repository = quotas.repository } = policy;
  return registry === undefined && repository === undefined ? undefined : { registry, repository };
}

/** Returns why a quota refuses the content, in words for the client; `undefined` if it is admitted. */
export async function overQuota(
  view: StoreView,
  policy: Policy,
  repository: RepositoryName,
  admission: Admission,
): Promise<string | undefined> {
  const quotas = quotasOf(view, policy);
  return quotas && view.changes.admit(repository, admission, quotas);
}
