import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { AccessPath } from "../../../primitives/users/access-path.ts";
import type { Role } from "../../../primitives/users/role.ts";
import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";
import { parseTag, type Tag } from "../../../registry/model/tag.ts";
import { type InstanceName, parseInstanceName } from "../../oci-http/settings/instance-config.ts";
import type { OciStore } from "../../oci-http/store/oci-store.ts";
import type { StoreView } from "../../oci-http/store/store-view.ts";
import type { CommandContext, Parameter } from "./command.ts";
import { ConsoleError } from "./console-error.ts";

/** A registry as a command's argument. */
export const INSTANCE: Parameter = {
  name: "instance",
  candidates: ({ instances }) => instances.list().map((instance) => instance.name),
};

/** Whether the one at the console may act so in a repository: what the registry itself would say. */
export function hasRole(
  { users, user }: CommandContext,
  instance: InstanceName,
  repository: RepositoryName,
  role: Role,
): boolean {
  return users.directory.allows(user, `http/oci/${instance}/${repository}` as AccessPath, role);
}

/** What a registry shows of its store. */
export interface Served {
  readonly oci: OciStore;
  /** What it serves: the newest state or a past one. */
  readonly view: StoreView;
  /** The last commit that belongs to it; `undefined`: all do. */
  readonly until: ObjectId | undefined;
}

/** Throws `InstanceChangeError` where there is no such registry, or it is out of service. */
export async function readServed({ instances }: CommandContext, instance: InstanceName): Promise<Served> {
  const oci = instances.storeOf(instance);
  const { at: until } = instances.existing(instance);
  return { oci, until, view: until === undefined ? oci : (await oci.frozenAt(until)).view };
}

export function readInstance(text: string): InstanceName {
  const name = parseInstanceName(text);
  if (!name) throw new ConsoleError(`'${text}' is not a registry's name; '/oci list' lists them`);
  return name;
}

/** Reads `<repository>` or `<repository>:<tag>`. */
export function readTarget(text: string): { repository: RepositoryName; tag: Tag | undefined } {
  const [name = "", tagText, ...more] = text.split(":");
  const repository = parseRepositoryName(name);
  const tag = tagText === undefined ? undefined : parseTag(tagText);
  if (!repository || more.length > 0 || (tagText !== undefined && !tag)) {
    throw new ConsoleError(`'${text}' is not a repository or tag; use <repository> or <repository>:<tag>`);
  }
  return { repository, tag };
}
