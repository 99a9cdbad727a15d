import { type Static, Type } from "typebox";
import type { Digest } from "../../../primitives/digest.ts";
import { digestHex } from "../../../primitives/digest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { type AttachedManifest, listAttached } from "../../oci-http/operations/images/attached.ts";
import { describeManifest } from "../../oci-http/operations/images/manifest-details.ts";
import { requireReader } from "../../oci-http/operations/registry-access.ts";
import type { WebContext } from "../requests/web-context.ts";
import { apiRoute, Download } from "./api-route.ts";
import {
  Content,
  contentFields,
  Descriptor,
  descriptorFields,
  ManifestSchema,
  manifestFields,
} from "./manifest-schemas.ts";
import { digestIn, repositoryIn } from "./path-values.ts";
import { DigestText, Next } from "./schemas.ts";

/** A manifest of a repository, and what it is made of. */
export function manifestDetails(
  { services, actor, config, at }: WebContext,
  repository: RepositoryName,
  digest: Digest,
) {
  return describeManifest(services, actor, { instance: config.name, repository, digest, at });
}

const Attached = Type.Object({
  digest: DigestText,
  mediaType: Type.String(),
  artifactType: Type.Optional(Type.String()),
  ...Content,
  tag: Type.Optional(Type.String({ description: "the tag by whose name it refers; absent: by its subject" })),
  size: Type.Integer({ description: "bytes of its files" }),
  created: Type.Optional(Type.String({ description: "as its annotations say, or when its tag was set" })),
  by: Type.Optional(Type.String({ description: "who set its tag" })),
  files: Type.Array(Descriptor, { description: "the first ones" }),
});

/** Most referrers of one page. */
const MAX_REFERRERS = 100;
const REFERRERS_LIMIT = 50;

const REFERRERS_QUERY = {
  digest: DigestText,
  cursor: Type.Optional(
    Type.String({ description: "`next` of the page before; without it, the first page" }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_REFERRERS })),
};

interface ReferrersQuery {
  readonly digest: string;
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** What refers to a manifest. */
export async function findReferrers(
  { services, actor, config, at }: WebContext,
  repository: RepositoryName,
  { digest, cursor, limit = REFERRERS_LIMIT }: ReferrersQuery,
) {
  const last = cursor === undefined ? undefined : digestIn(cursor);
  const asked = { instance: config.name, repository, digest: digestIn(digest), at, last, limit };
  const { entries, more } = await listAttached(services, actor, asked);
  return { entries, next: more ? entries.findLast(({ tag }) => tag === undefined)?.digest : undefined };
}

function attachedFields(attached: AttachedManifest): Static<typeof Attached> {
  const { digest, mediaType, artifactType, name, tag, size, created, by, files } = attached;
  return {
    digest,
    mediaType,
    ...(artifactType !== undefined && { artifactType }),
    ...contentFields(name),
    ...(tag !== undefined && { tag }),
    size,
    ...(created !== undefined && { created }),
    ...(by !== undefined && { by }),
    files: files.entries.map(descriptorFields),
  };
}

/** Most characters of the name of a file that a page suggests. */
const MAX_FILE_NAME = 200;

export const MANIFEST_ROUTES = [
  apiRoute({
    method: "GET",
    path: "/repositories/{repository}/-/manifests/{digest}",
    operationId: "getManifest",
    summary: "A manifest: its layers, configuration, platforms and tags.",
    response: ManifestSchema,
    handle: async (context, { path }) =>
      manifestFields(await manifestDetails(context, repositoryIn(path.repository), digestIn(path.digest))),
  }),
  apiRoute({
    method: "GET",
    path: "/repositories/{repository}/-/referrers",
    operationId: "listReferrers",
    summary: "What refers to a manifest: signatures, SBOMs, attestations and other artifacts.",
    query: REFERRERS_QUERY,
    response: Type.Object({ referrers: Type.Array(Attached), next: Next }),
    handle: async (context, { path, query }) => {
      const { entries, next } = await findReferrers(context, repositoryIn(path.repository), query);
      return { referrers: entries.map(attachedFields), ...(next !== undefined && { next }) };
    },
  }),
  apiRoute({
    method: "GET",
    path: "/repositories/{repository}/-/blobs/{blob}",
    operationId: "downloadBlob",
    summary: "A blob as a file: a layer, a configuration, an SBOM.",
    query: {
      name: Type.Optional(
        Type.String({ maxLength: MAX_FILE_NAME, description: "the name of the file; by default its digest" }),
      ),
    },
    isFile: true,
    handle: ({ actor, config }, { path, query: { name } }) => {
      const [repository, digest] = [repositoryIn(path.repository), digestIn(path.blob)];
      requireReader(actor, config.name, repository);
      return new Download({ repository, digest, fileName: name || digestHex(digest) });
    },
  }),
];
