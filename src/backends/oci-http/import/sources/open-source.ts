import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { RepositoryName } from "../../../../registry/model/repository-name.ts";
import { DistributionDirectory } from "./distribution-directory.ts";
import { DockerArchive } from "./docker-archive.ts";
import { type ImportSource, SourceError } from "./import-source.ts";
import { filesOfArchive, filesOfDirectory } from "./layout-files.ts";
import { LayoutSource, LayoutTree } from "./layout-source.ts";
import { OciLayout } from "./oci-layout.ts";
import { readTarIndex, TarFault } from "./tar-index.ts";

/** Opens a directory or an archive. `unnamed`: the repository of images that have no name but a tag. Throws `SourceError`. */
export async function openFileSource(
  place: string,
  unnamed: RepositoryName | undefined,
): Promise<ImportSource> {
  const path = resolve(place);
  if (!existsSync(path)) throw new SourceError(`there is no ${path}${hintFor(place)}`);
  return statSync(path).isDirectory() ? openDirectory(path, unnamed) : openArchive(path, unnamed);
}

function hintFor(place: string): string {
  const [, transport, rest] = place.match(/^(oci|oci-archive|docker-archive|dir):(.+)$/) ?? [];
  if (transport !== undefined) return `; give the path alone, as in 'everlock import ${rest}'`;
  const isAddress = /^(docker:\/\/)?[a-z0-9.-]+(\.[a-z]+|:[0-9]+)(\/|$)/i.test(place);
  return isAddress ? "; the address of a registry begins with https:// or http://" : "";
}

async function openDirectory(path: string, unnamed: RepositoryName | undefined): Promise<ImportSource> {
  const distribution = DistributionDirectory.at(path);
  if (distribution) return distribution;
  const layout = new OciLayout(filesOfDirectory(path));
  if (layout.isThere) return new LayoutSource(path, layout, unnamed);
  const tree = new LayoutTree(path);
  const { names, untaken } = await tree.repositories();
  if (names.length > 0 || untaken.length > 0) return tree;
  if (layout.files.stat("manifest.json"))
    throw new SourceError(
      `${path} is what skopeo writes to 'dir:'; copy it to an OCI layout first: skopeo copy dir:${path} oci:<directory>:<tag>`,
    );
  throw new SourceError(
    `${path} is neither the directory of a distribution or zot registry nor an OCI layout: it has no docker/registry/v2/repositories, and no index.json beside an oci-layout`,
  );
}

async function openArchive(path: string, unnamed: RepositoryName | undefined): Promise<ImportSource> {
  try {
    const files = filesOfArchive(path, await readTarIndex(path));
    const layout = new OciLayout(files);
    if (layout.isThere) return new LayoutSource(path, layout, unnamed);
    if (files.stat("manifest.json")) return new DockerArchive(path, files, unnamed);
  } catch (error) {
    if (error instanceof TarFault) throw new SourceError(error.message);
    throw error;
  }
  throw new SourceError(`${path} is neither an OCI layout nor what 'docker save' writes`);
}
