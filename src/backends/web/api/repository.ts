import { type Static, Type } from "typebox";
import type { AccessPath } from "../../../primitives/users/access-path.ts";
import { ROLES } from "../../../primitives/users/role.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { accessTo, type HeldGrant } from "../../accounts/path-access.ts";
import { describeRepository } from "../../oci-http/operations/describe-repository.ts";
import { formatCleanupRule } from "../../oci-http/policy/cleanup-rules.ts";
import type { WebContext } from "../requests/web-context.ts";
import { apiRoute } from "./api-route.ts";
import { repositoryIn } from "./path-values.ts";
import { PullTime, Time } from "./schemas.ts";

const Role = Type.Enum(ROLES);

const HeldGrantSchema = Type.Object({
  kind: Type.Enum(["user", "group", "namesake"], {
    description: "`namesake`: the registry has the user's name, which gives the role without a grant",
  }),
  holder: Type.String({ description: "`anon`: everybody" }),
  disabled: Type.Boolean(),
  role: Role,
  path: Type.String({ description: "the access path of the grant" }),
});

const RepositoryDetails = Type.Object({
  name: Type.String(),
  tags: Type.Optional(Type.Integer({ description: "number of tags; absent if not counted" })),
  size: Type.Optional(
    Type.Integer({ description: "bytes of its content, each blob once; absent if unknown" }),
  ),
  pushed: Type.Optional(Time),
  by: Type.Optional(Type.String({ description: "who pushed last" })),
  pulled: Type.Optional(PullTime),
  public: Type.Boolean({ description: "whether everybody may pull" }),
  roles: Type.Array(Role, {
    description: "of the user: a reader may pull, a writer also push, an owner also delete",
  }),
  readOnly: Type.Boolean({ description: "whether nobody can change it" }),
  writeOnce: Type.Array(Type.String(), {
    description: "patterns of the tags that can be set only once; `!` begins an exception",
  }),
  cleanup: Type.Optional(Type.String({ description: "the rule by which content is deleted" })),
  grants: Type.Optional(
    Type.Array(HeldGrantSchema, { description: "whose grants cover it; for administrators" }),
  ),
  moreGrants: Type.Optional(Type.Boolean({ description: "whether there are more grants than these" })),
});

/** A repository with its rules, and who may do what there. */
export async function repositoryDetails(
  { services, actor, config, at }: WebContext,
  repository: RepositoryName,
) {
  const record = await describeRepository(services, actor, { instance: config.name, repository, at });
  const path = `http/oci/${config.name}/${repository}` as AccessPath;
  return { ...record, access: accessTo(services, actor, path) };
}
export type RepositoryDetails = Awaited<ReturnType<typeof repositoryDetails>>;

function shownGrant({ kind, holder, isDisabled, grant }: HeldGrant): Static<typeof HeldGrantSchema> {
  return { kind, holder, disabled: isDisabled, role: grant.role, path: grant.path };
}

function shown({ repository, access, ...record }: RepositoryDetails): Static<typeof RepositoryDetails> {
  const { tags, size, pushed, by, pulled, writeOnce, cleanup, isReadOnly } = record;
  const { roles, isPublic, grants } = access;
  return {
    name: repository,
    ...(tags !== undefined && { tags }),
    ...(size !== undefined && { size }),
    ...(pushed && { pushed: pushed.toISOString() }),
    ...(by !== undefined && { by }),
    ...(pulled && { pulled: pulled.toISOString() }),
    public: isPublic,
    roles: [...roles],
    readOnly: isReadOnly,
    writeOnce: [...writeOnce],
    ...(cleanup && { cleanup: formatCleanupRule(cleanup) }),
    ...(grants && { grants: grants.entries.map(shownGrant), moreGrants: grants.more }),
  };
}

export const REPOSITORY_DETAILS_ROUTES = [
  apiRoute({
    method: "GET",
    path: "/repositories/{repository}",
    operationId: "getRepository",
    summary: "A repository: its rules, and who may do what there.",
    response: RepositoryDetails,
    handle: async (context, { path }) =>
      shown(await repositoryDetails(context, repositoryIn(path.repository))),
  }),
];
