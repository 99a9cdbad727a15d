import { type Static, Type } from "typebox";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { describeRepository } from "../../oci-http/operations/describe-repository.ts";
import { readRepositorySpace, readSpace, type SpaceRecord } from "../../oci-http/operations/space.ts";
import type { WebContext } from "../requests/web-context.ts";
import { apiRoute } from "./api-route.ts";
import { repositoryIn } from "./path-values.ts";
import { Time } from "./schemas.ts";

const Bytes = Type.Integer({ minimum: 0, description: "bytes" });
const Count = Type.Integer({ minimum: 0 });

const Measurement = Type.Object({
  measured: Time,
  repositories: Count,
  tags: Count,
  manifests: Count,
  manifestBytes: Bytes,
  blobs: Type.Optional(Count),
  storedBytes: Type.Optional(Type.Integer({ description: "bytes of all blobs" })),
  namedBytes: Type.Optional(
    Type.Integer({ description: "bytes of the blobs that manifests name, each once" }),
  ),
  savedBytes: Type.Optional(
    Type.Integer({ description: "bytes beside these if every manifest had its own copy of each blob" }),
  ),
  largest: Type.Optional(
    Type.Array(
      Type.Object({
        repository: Type.String(),
        ownBytes: Type.Integer({ description: "of blobs that no other repository names" }),
        sharedBytes: Type.Integer({ description: "of blobs that other repositories name too" }),
        manifestBytes: Bytes,
        tags: Count,
        manifests: Count,
      }),
    ),
  ),
  days: Type.Array(
    Type.Object({
      day: Type.String({ examples: ["2026-01-31"] }),
      commits: Count,
      addedBytes: Type.Optional(
        Type.Integer({ description: "of blobs that came on this day and are still stored" }),
      ),
    }),
    { description: "oldest first; days on which nothing happened are left out" },
  ),
  cleanup: Type.Optional(
    Type.Object(
      {
        tags: Count,
        manifests: Count,
        named: Type.Array(
          Type.Object({ repository: Type.String(), reference: Type.String(), rule: Type.String() }),
        ),
      },
      { description: "what the rules would delete now; absent without rules" },
    ),
  ),
  garbage: Type.Optional(
    Type.Object({ blobs: Count, bytes: Bytes }, { description: "blobs that nothing needs" }),
  ),
});

const Space = Type.Object({
  measuring: Type.Boolean({ description: "whether a newer measurement is under way" }),
  sharedWith: Type.Array(Type.String(), { description: "registries whose content this is too" }),
  measurement: Type.Optional(Measurement),
});

export type SpaceDocument = Static<typeof Space>;

/** What the registry takes. */
export function spaceOf({ services, actor, config }: WebContext): Promise<SpaceRecord> {
  return readSpace(services, actor, config.name);
}

function shown({ newest, isRunning, sharedWith }: SpaceRecord): Static<typeof Space> {
  const base = { measuring: isRunning, sharedWith: [...sharedWith] };
  if (!newest) return base;
  const { measured, ms: _ms, named, days, cleanup, storedBytes, blobs, garbage, ...counts } = newest;
  return {
    ...base,
    measurement: {
      measured: measured.toISOString(),
      ...counts,
      ...(blobs !== undefined && { blobs }),
      ...(storedBytes !== undefined && { storedBytes }),
      ...(named && {
        namedBytes: named.namedBytes,
        savedBytes: named.savedBytes,
        largest: named.repositories.map((usage) => ({ ...usage })),
      }),
      days: days.map(({ day, commits, addedBytes }) => ({
        day,
        commits,
        ...(addedBytes !== undefined && { addedBytes }),
      })),
      ...(cleanup && { cleanup: { ...cleanup, named: cleanup.named.map((each) => ({ ...each })) } }),
      ...(garbage && { garbage }),
    },
  };
}

const RepositorySpace = Type.Object({
  size: Type.Optional(
    Type.Integer({ description: "bytes of its content, each blob once; absent if unknown" }),
  ),
  ownBytes: Type.Optional(
    Type.Integer({ description: "of blobs that no other repository names; for administrators" }),
  ),
  sharedBytes: Type.Optional(
    Type.Integer({ description: "of blobs that others name too; for administrators" }),
  ),
  days: Type.Array(Type.Object({ day: Type.String({ examples: ["2026-01-31"] }), commits: Count }), {
    description: "when it changed; oldest first",
  }),
});

/** What a repository takes, with what describes it. */
export async function repositorySpaceOf(context: WebContext, repository: RepositoryName) {
  const { services, actor, config } = context;
  const request = { instance: config.name, repository };
  // First, as it refuses a repository that does not exist.
  const record = await describeRepository(services, actor, request);
  return { ...record, ...(await readRepositorySpace(services, actor, request)) };
}

export const SPACE_ROUTES = [
  apiRoute({
    method: "GET",
    path: "/repositories/{repository}/-/space",
    operationId: "readRepositorySpace",
    summary: "What a repository takes, and when it changed.",
    response: RepositorySpace,
    handle: async (context, { path }) => {
      const { size, days, usage } = await repositorySpaceOf(context, repositoryIn(path.repository));
      return {
        ...(size !== undefined && { size }),
        ...(usage && { ownBytes: usage.ownBytes + usage.manifestBytes, sharedBytes: usage.sharedBytes }),
        days: days.map(({ day, commits }) => ({ day, commits })),
      };
    },
  }),
  apiRoute({
    method: "GET",
    path: "/space",
    operationId: "readSpace",
    summary: "What the registry takes, as last measured in the background; for administrators.",
    response: Space,
    handle: async (context) => shown(await spaceOf(context)),
  }),
];
