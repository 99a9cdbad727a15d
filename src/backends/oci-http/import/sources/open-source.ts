import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { withoutUser } from "../../../../registry/client/upstream-url.ts";
import type { RepositoryName } from "../../../../registry/model/repository-name.ts";
import { DistributionDirectory } from "./distribution-directory.ts";
import { DockerArchive } from "./docker-archive.ts";
import { type ImportSource, SourceError } from "./import-source.ts";
import { filesOfArchive, filesOfDirectory } from "./layout-files.ts";
import { LayoutSource, LayoutTree } from "./layout-source.ts";
import { OciLayout } from "./oci-layout.ts";
import { readTarIndex, TarFault } from "./tar-index.ts";

/**
 * Opens a directory or an archive. `given`: the repository of images to which a layout or archive gives a tag alone, or which
 * all have the name of one other. Throws `SourceError`.
 */
export async function openFileSource(
  place: string,
  given: RepositoryName | undefined,
): Promise<ImportSource> {
  const path = resolve(place);
  if (!existsSync(path)) throw new SourceError(hintFor(place) ?? `there is no ${path}`);
  return statSync(path).isDirectory() ? openDirectory(path, given) : openArchive(path, given);
}

/** What to write in place of a path that does not exist; `undefined` if it looks like a path. */
function hintFor(place: string): string | undefined {
  const [, transport, rest] = place.match(/^(oci|oci-archive|docker-archive|dir):(.+)$/) ?? [];
  if (transport !== undefined)
    return `there is no file or directory '${place}'; give the path alone, as in 'everlock import ${rest}'`;
  const [, scheme, host, repository] =
    place.match(/^([a-z][a-z0-9+.-]*:\/\/)?([a-z0-9.-]+(?:\.[a-z]+|:[0-9]+))(?:\/(.*))?$/i) ?? [];
  const begins = "the address of a registry begins with https:// or http://";
  if (host === undefined)
    return /^[a-z][a-z0-9+.-]*:\/\//i.test(place)
      ? `'${withoutUser(place)}' is neither a path nor a URL; ${begins}`
      : undefined;
  const selected = repository ? ` --repositories ${repository}` : "";
  if (scheme === undefined || scheme === "docker://")
    return `there is no file or directory '${place}'; ${begins}, and repositories are selected, as in 'everlock import https://${host}${selected}'`;
  return `'${place}' is no URL of a registry; ${begins}`;
}

async function openDirectory(path: string, given: RepositoryName | undefined): Promise<ImportSource> {
  const distribution = DistributionDirectory.at(path);
  if (distribution) return distribution;
  const layout = new OciLayout(filesOfDirectory(path));
  if (layout.isThere) return new LayoutSource(path, layout, given);
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

async function openArchive(path: string, given: RepositoryName | undefined): Promise<ImportSource> {
  try {
    const files = filesOfArchive(path, await readTarIndex(path));
    const layout = new OciLayout(files);
    if (layout.isThere) return new LayoutSource(path, layout, given);
    if (files.stat("manifest.json")) return new DockerArchive(path, files, given);
  } catch (error) {
    if (error instanceof TarFault) throw new SourceError(error.message);
    throw error;
  }
  throw new SourceError(`${path} is neither an OCI layout nor what 'docker save' writes`);
}
