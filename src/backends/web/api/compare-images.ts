import { type Static, type TObject, Type } from "typebox";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { nameOf } from "../../../registry/model/tag.ts";
import {
  type ComparedSide,
  compareImages,
  type ImageComparison,
} from "../../oci-http/operations/images/compare-images.ts";
import type { WebContext } from "../requests/web-context.ts";
import { apiRoute } from "./api-route.ts";
import { Content, contentFields, Descriptor, descriptorFields } from "./manifest-schemas.ts";
import { referenceIn, repositoryIn } from "./path-values.ts";
import { DigestText } from "./schemas.ts";

const Side = Type.Object({
  reference: Type.String({ description: "the tag or digest that was asked for" }),
  digest: DigestText,
  ...Content,
  pullSize: Type.Integer(),
});

const Numbers = Type.Object({ added: Type.Integer(), removed: Type.Integer(), shared: Type.Integer() });

const FIELDS = [
  "platform",
  "created",
  "author",
  "user",
  "entrypoint",
  "command",
  "workingDir",
  "stopSignal",
  "environment",
  "label",
  "port",
  "volume",
  "annotation",
] as const;

const Comparison = Type.Object({
  from: Side,
  to: Side,
  platforms: Type.Array(
    Type.Object({
      platform: Type.String(),
      change: Type.Enum(["added", "removed", "changed", "same"]),
    }),
    { description: "if one of them is an index" },
  ),
  platform: Type.Optional(Type.String({ description: "whose images are compared" })),
  images: Type.Optional(
    Type.Object({
      layers: Type.Array(
        Type.Intersect([
          Descriptor,
          Type.Object({
            change: Type.Enum(["added", "removed", "shared"]),
            createdBy: Type.Optional(Type.String()),
          }),
        ]),
        { description: "the first ones; those that differ first" },
      ),
      sizes: Numbers,
      counts: Numbers,
      config: Type.Array(
        Type.Object({
          field: Type.Enum(FIELDS),
          name: Type.Optional(Type.String()),
          from: Type.Optional(Type.String()),
          to: Type.Optional(Type.String()),
        }),
      ),
    }),
  ),
  problem: Type.Optional(Type.String({ description: "why a configuration could not be compared" })),
});

export const COMPARE_QUERY = {
  from: Type.String({ maxLength: 200, description: "a tag or a digest" }),
  to: Type.String({ maxLength: 200, description: "a tag or a digest" }),
  platform: Type.Optional(
    Type.String({ maxLength: 100, description: "which image of an index; by default linux/amd64" }),
  ),
};
export type CompareQuery = Static<TObject<typeof COMPARE_QUERY>>;

/** The difference between two manifests of a repository. */
export function imageComparison(
  { services, actor, config, at }: WebContext,
  repository: RepositoryName,
  { from, to, platform }: CompareQuery,
) {
  const references = { from: referenceIn(from), to: referenceIn(to) };
  return compareImages(services, actor, { instance: config.name, repository, ...references, platform, at });
}

function sideFields({ reference, digest, name, pullSize }: ComparedSide): Static<typeof Side> {
  return { reference: nameOf(reference), digest, ...contentFields(name), pullSize };
}

function comparisonFields(compared: ImageComparison): Static<typeof Comparison> {
  const { from, to, platforms, platform, images, problem } = compared;
  return {
    from: sideFields(from),
    to: sideFields(to),
    platforms: [...platforms],
    ...(platform !== undefined && { platform }),
    ...(images && { images: imagesFields(images) }),
    ...(problem !== undefined && { problem }),
  };
}

function imagesFields({ layers, sizes, counts, config }: NonNullable<ImageComparison["images"]>) {
  return {
    layers: layers.entries.map(({ change, createdBy, ...layer }) => ({
      ...descriptorFields(layer),
      change,
      ...(createdBy !== undefined && { createdBy }),
    })),
    sizes,
    counts,
    config: config.map(({ field, name, from, to }) => ({
      field,
      ...(name !== undefined && { name }),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
    })),
  };
}

export const COMPARE_IMAGES_ROUTES = [
  apiRoute({
    method: "GET",
    path: "/repositories/{repository}/-/compare",
    operationId: "compareImages",
    summary: "The difference between two tags or manifests: layers, configuration, size.",
    query: COMPARE_QUERY,
    response: Comparison,
    handle: async (context, { path, query }) =>
      comparisonFields(await imageComparison(context, repositoryIn(path.repository), query)),
  }),
];
