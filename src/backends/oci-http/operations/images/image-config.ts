import type { Digest } from "../../../../primitives/digest.ts";
import type { BlobStore } from "../../../../primitives/store/engine/blobs.ts";
import { isRecord } from "../../../../primitives/text/records.ts";
import { InvalidManifest, type JsonObject, parseJson } from "../../../../registry/model/manifest-json.ts";
import type { RepositoryName } from "../../../../registry/model/repository-name.ts";
import type { RegistryState } from "../registry-state.ts";
import { boundedMap, boundedText, boundedTexts, type Texts } from "./bounded-text.ts";
import { prettyJson, type ShownText } from "./pretty-json.ts";

/** A step of an image's history. */
export interface HistoryStep {
  readonly createdBy: string | undefined;
  readonly comment: string | undefined;
  readonly created: string | undefined;
  /** Whether the step made no layer. */
  readonly isEmpty: boolean;
}

/** How an image is run, and how it was made (image-spec, config.md). */
export interface ImageConfig {
  readonly platform: string | undefined;
  readonly created: string | undefined;
  readonly author: string | undefined;
  readonly user: string | undefined;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDir: string | undefined;
  readonly environment: readonly string[];
  readonly labels: Texts;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly stopSignal: string | undefined;
  readonly history: readonly HistoryStep[];
}

/** The content of a config blob; with `problem`, why there is less of it than one may expect. */
export interface ConfigContent {
  readonly image: ImageConfig | undefined;
  readonly shown: ShownText | undefined;
  readonly problem: string | undefined;
}

/** Larger configurations can be downloaded. */
const MAX_CONFIG_BYTES = 1024 * 1024;
/** Most steps of a history; a layer has one. */
const MAX_STEPS = 1000;

export async function readConfig(
  { blobs, mayShow }: { readonly blobs: Pick<BlobStore, "stat" | "read"> } & Pick<RegistryState, "mayShow">,
  repository: RepositoryName,
  digest: Digest,
): Promise<ConfigContent> {
  const stat = (await mayShow(repository, digest)) ? await blobs.stat(digest) : undefined;
  if (stat && stat.size > MAX_CONFIG_BYTES) return problem("it is larger than 1 MiB, so that it is not read");
  const content = stat && (await blobs.read(digest));
  if (!content) return problem("the registry does not hold it, or it was damaged");
  const shown = prettyJson(content);
  try {
    return { image: imageConfig(parseJson(content)), shown, problem: undefined };
  } catch (error) {
    if (!(error instanceof InvalidManifest)) throw error;
    return { image: undefined, shown, problem: error.message };
  }
}

function problem(words: string): ConfigContent {
  return { image: undefined, shown: undefined, problem: words };
}

function imageConfig(json: JsonObject): ImageConfig {
  const { config, os, architecture, variant, created, author, history } = json;
  const run = isRecord(config) ? config : {};
  const platform = [os, architecture, variant].flatMap((part) => boundedText(part) ?? []).join("/");
  return {
    platform: platform === "" ? undefined : platform,
    created: boundedText(created),
    author: boundedText(author),
    user: boundedText(run["User"]),
    entrypoint: boundedTexts(run["Entrypoint"]),
    command: boundedTexts(run["Cmd"]),
    workingDir: boundedText(run["WorkingDir"]),
    environment: boundedTexts(run["Env"]),
    labels: boundedMap(run["Labels"]),
    ports: keysOf(run["ExposedPorts"]),
    volumes: keysOf(run["Volumes"]),
    stopSignal: boundedText(run["StopSignal"]),
    history: Array.isArray(history) ? history.slice(0, MAX_STEPS).filter(isRecord).map(stepOf) : [],
  };
}

function stepOf(step: JsonObject): HistoryStep {
  return {
    createdBy: boundedText(step["created_by"]),
    comment: boundedText(step["comment"]),
    created: boundedText(step["created"]),
    isEmpty: step["empty_layer"] === true,
  };
}

function keysOf(value: unknown): string[] {
  return isRecord(value) ? boundedTexts(Object.keys(value)) : [];
}

/** The step that made each layer, by the layer's place; none if their numbers differ. */
export function layerSteps(config: ImageConfig | undefined, layers: number): readonly HistoryStep[] {
  const steps = (config?.history ?? []).filter(({ isEmpty }) => !isEmpty);
  return steps.length === layers ? steps : [];
}
