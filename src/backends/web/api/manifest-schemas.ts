import { type Static, Type } from "typebox";
import type { ChildDetails } from "../../oci-http/operations/images/child-details.ts";
import type { ContentName } from "../../oci-http/operations/images/content-kinds.ts";
import type { NamedDescriptor } from "../../oci-http/operations/images/descriptors.ts";
import type { ImageConfig } from "../../oci-http/operations/images/image-config.ts";
import type { LayerDetails, ManifestDetails } from "../../oci-http/operations/images/manifest-details.ts";
import { DigestText } from "./schemas.ts";

export const KINDS = [
  "image",
  "index",
  "chart",
  "signature",
  "sbom",
  "attestation",
  "report",
  "artifact",
] as const;

export const Content = {
  kind: Type.Enum(KINDS, { description: "what it is for, as far as its types tell" }),
  kindName: Type.String({ examples: ["Cosign signature"] }),
};

export function contentFields({ kind, name }: ContentName) {
  return { kind, kindName: name };
}

export const Texts = Type.Record(Type.String(), Type.String());

export const Descriptor = Type.Object({
  digest: DigestText,
  size: Type.Integer({ description: "bytes, as stated" }),
  mediaType: Type.String(),
  artifactType: Type.Optional(Type.String()),
  annotations: Texts,
});

export function descriptorFields({
  digest,
  size,
  mediaType,
  artifactType,
  annotations,
}: NamedDescriptor): Static<typeof Descriptor> {
  return { digest, size, mediaType, ...(artifactType !== undefined && { artifactType }), annotations };
}

const Config = Type.Object({
  platform: Type.Optional(Type.String()),
  created: Type.Optional(Type.String()),
  author: Type.Optional(Type.String()),
  user: Type.Optional(Type.String()),
  entrypoint: Type.Array(Type.String()),
  command: Type.Array(Type.String()),
  workingDir: Type.Optional(Type.String()),
  environment: Type.Array(Type.String()),
  labels: Texts,
  ports: Type.Array(Type.String()),
  volumes: Type.Array(Type.String()),
  stopSignal: Type.Optional(Type.String()),
  history: Type.Array(
    Type.Object({
      createdBy: Type.Optional(Type.String()),
      comment: Type.Optional(Type.String()),
      created: Type.Optional(Type.String()),
      empty: Type.Boolean({ description: "whether the step made no layer" }),
    }),
  ),
});

const Layer = Type.Intersect([
  Descriptor,
  Type.Object({
    createdBy: Type.Optional(Type.String({ description: "the history entry that made it" })),
    sharedWith: Type.Optional(
      Type.Array(Type.String(), { description: "some of the other tags of the repository with this layer" }),
    ),
    absence: Type.Optional(
      Type.Enum(["missing", "not-distributable"], { description: "why the registry can't send it" }),
    ),
  }),
]);

const Child = Type.Intersect([
  Descriptor,
  Type.Object({
    platform: Type.Optional(Type.String({ examples: ["linux/amd64"] })),
    kind: Type.Optional(Content.kind),
    kindName: Type.Optional(Content.kindName),
    pullSize: Type.Optional(
      Type.Integer({ description: "bytes; absent if the repository does not hold it" }),
    ),
    describes: Type.Optional(DigestText),
  }),
]);

export const ManifestSchema = Type.Object({
  digest: DigestText,
  mediaType: Type.String(),
  artifactType: Type.Optional(Type.String()),
  ...Content,
  size: Type.Integer({ description: "bytes of the manifest itself" }),
  pullSize: Type.Integer({ description: "bytes that a pull of all platforms downloads, each blob once" }),
  platforms: Type.Array(Type.String()),
  annotations: Texts,
  subject: Type.Optional(DigestText),
  tags: Type.Array(Type.String(), { description: "tags with this digest, some if there are many" }),
  config: Type.Optional(
    Type.Intersect([
      Descriptor,
      Type.Object({
        image: Type.Optional(Config),
        problem: Type.Optional(Type.String({ description: "why its content is not shown" })),
      }),
    ]),
  ),
  layers: Type.Array(Layer, { description: "the first ones" }),
  layerCount: Type.Integer(),
  sharedSize: Type.Optional(
    Type.Integer({ description: "bytes of layers that other tags have too; absent of the past" }),
  ),
  manifests: Type.Array(Child, { description: "the first entries of an index" }),
  manifestCount: Type.Integer(),
  content: Type.String({ description: "the manifest, as it was pushed" }),
});

function configFields({ history, ...config }: ImageConfig): Static<typeof Config> {
  const { platform, created, author, user, workingDir, stopSignal, ...lists } = config;
  return {
    ...(platform !== undefined && { platform }),
    ...(created !== undefined && { created }),
    ...(author !== undefined && { author }),
    ...(user !== undefined && { user }),
    ...(workingDir !== undefined && { workingDir }),
    ...(stopSignal !== undefined && { stopSignal }),
    entrypoint: [...lists.entrypoint],
    command: [...lists.command],
    environment: [...lists.environment],
    labels: lists.labels,
    ports: [...lists.ports],
    volumes: [...lists.volumes],
    history: history.map((step) => ({
      ...(step.createdBy !== undefined && { createdBy: step.createdBy }),
      ...(step.comment !== undefined && { comment: step.comment }),
      ...(step.created !== undefined && { created: step.created }),
      empty: step.isEmpty,
    })),
  };
}

function layerFields({ createdBy, sharedBy, absence, ...layer }: LayerDetails): Static<typeof Layer> {
  return {
    ...descriptorFields(layer),
    ...(createdBy !== undefined && { createdBy }),
    ...(sharedBy && { sharedWith: [...sharedBy.tags] }),
    ...(absence && { absence }),
  };
}

function childFields({
  platformName,
  name,
  pullSize,
  describes,
  ...child
}: ChildDetails): Static<typeof Child> {
  return {
    ...descriptorFields(child),
    ...(platformName !== undefined && { platform: platformName }),
    ...(name && contentFields(name)),
    ...(pullSize !== undefined && { pullSize }),
    ...(describes && { describes }),
  };
}

export function manifestFields(details: ManifestDetails): Static<typeof ManifestSchema> {
  const { artifactType, subject, config, sharedSize } = details;
  return {
    digest: details.digest,
    mediaType: details.mediaType,
    ...(artifactType !== undefined && { artifactType }),
    ...contentFields(details.name),
    size: details.size,
    pullSize: details.pullSize,
    platforms: [...details.platforms],
    annotations: details.annotations,
    ...(subject && { subject }),
    tags: [...details.tags.entries],
    ...(config && {
      config: {
        ...descriptorFields(config),
        ...(config.image && { image: configFields(config.image) }),
        ...(config.problem !== undefined && { problem: config.problem }),
      },
    }),
    layers: details.layers.entries.map(layerFields),
    layerCount: details.layerCount,
    ...(sharedSize !== undefined && { sharedSize }),
    manifests: details.children.entries.map(childFields),
    manifestCount: details.childCount,
    content: new TextDecoder().decode(details.content),
  };
}
