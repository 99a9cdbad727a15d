import type { AttachedManifest } from "../../../oci-http/operations/images/attached.ts";
import type { InContext } from "../../requests/web-context.ts";
import { BlobLink } from "./blob-link.tsx";
import { Size } from "./size.tsx";
import { WrittenTime } from "./written-time.tsx";

interface AttachedListProps extends InContext {
  readonly repository: string;
  readonly attached: readonly AttachedManifest[];
  /** The address of the next page. */
  readonly next: string | undefined;
}

/** What refers to a manifest. */
export function AttachedList({ context, repository, attached, next }: AttachedListProps) {
  if (attached.length === 0) return null;
  return (
    <section class="section" aria-labelledby="attached">
      <h2 id="attached">Signatures, SBOMs and other attachments</h2>
      <div class="table">
        <table class="cards">
          <thead>
            <tr>
              <th scope="col">What it is</th>
              <th scope="col" class="wide">
                Type
              </th>
              <th scope="col" class="number">
                Size
              </th>
              <th scope="col">Made</th>
              <th scope="col">Download</th>
            </tr>
          </thead>
          <tbody>
            {attached.map((each) => (
              <Attached key={each.digest} context={context} repository={repository} attached={each} />
            ))}
          </tbody>
        </table>
      </div>
      {next !== undefined && (
        <a class="small" href={next} rel="next">
          More attachments
        </a>
      )}
    </section>
  );
}

interface AttachedProps extends InContext {
  readonly repository: string;
  readonly attached: AttachedManifest;
}

function Attached({ context, repository, attached }: AttachedProps) {
  const { digest, name, artifactType, mediaType, tag, size, created, by, files } = attached;
  return (
    <tr>
      <th scope="row">
        <a href={context.links.manifest(repository, digest)}>{name.name}</a>{" "}
        {tag !== undefined && (
          <span class="badge" title={`It refers by the name of the tag ${tag}`}>
            by tag
          </span>
        )}
      </th>
      <td class="wide small soft">{artifactType ?? mediaType}</td>
      <td class="number">
        <Size bytes={size} />
      </td>
      <td>
        {created !== undefined && <WrittenTime text={created} />}{" "}
        {by !== undefined && <span class="soft wide">by {by}</span>}
      </td>
      <td class="small" data-label="Download">
        {files.entries.map((file, i) => (
          <span key={`${i} ${file.digest}`}>
            <BlobLink context={context} repository={repository} blob={file}>
              {fileWords(file.annotations["org.opencontainers.image.title"], i, files.entries.length)}
            </BlobLink>{" "}
          </span>
        ))}
        {files.more && <span class="soft">and more</span>}
      </td>
    </tr>
  );
}

function fileWords(title: string | undefined, i: number, count: number): string {
  if (title) return title;
  return count === 1 ? "file" : `file ${i + 1}`;
}
