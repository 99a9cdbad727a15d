import type { ChildDetails } from "../../../oci-http/operations/images/child-details.ts";
import type { ManifestDetails } from "../../../oci-http/operations/images/manifest-details.ts";
import type { InContext } from "../../requests/web-context.ts";
import { BlobLink } from "./blob-link.tsx";
import { DigestText } from "./digest-text.tsx";
import { Size } from "./size.tsx";

interface PlatformListProps extends InContext {
  readonly repository: string;
  readonly details: ManifestDetails;
}

/** The entries of an index. */
export function PlatformList({ context, repository, details }: PlatformListProps) {
  const { children, childCount } = details;
  if (childCount === 0) return null;
  const platformOf = new Map(children.entries.map(({ digest, platformName }) => [digest, platformName]));
  return (
    <section class="section" aria-labelledby="platforms">
      <h2 id="platforms">
        Platforms <span class="small soft">{childCount.toLocaleString("en")}</span>
      </h2>
      <div class="table">
        <table class="cards">
          <thead>
            <tr>
              <th scope="col">Platform</th>
              <th scope="col">Digest</th>
              <th scope="col">What it is</th>
              <th scope="col" class="number">
                Size
              </th>
            </tr>
          </thead>
          <tbody>
            {children.entries.map((child, i) => (
              <Child
                key={`${i} ${child.digest}`}
                context={context}
                repository={repository}
                child={child}
                describes={child.describes && platformOf.get(child.describes)}
              />
            ))}
          </tbody>
        </table>
      </div>
      {children.more && (
        <p class="small soft">
          The first {children.entries.length} of {childCount.toLocaleString("en")}; all are in the JSON below.
        </p>
      )}
    </section>
  );
}

interface ChildProps extends InContext {
  readonly repository: string;
  readonly child: ChildDetails;
  readonly describes: string | undefined;
}

function Child({ context, repository, child, describes }: ChildProps) {
  const { digest, platformName, isManifest, name, pullSize, size, mediaType } = child;
  const isHeld = name !== undefined;
  return (
    <tr>
      <th scope="row">
        {isHeld && platformName !== undefined ? (
          <a href={context.links.manifest(repository, digest)}>{platformName}</a>
        ) : (
          (platformName ?? <span class="soft">none</span>)
        )}
      </th>
      <td>
        {isHeld && (
          <a href={context.links.manifest(repository, digest)}>
            <DigestText digest={digest} />
          </a>
        )}
        {!isHeld && isManifest && <DigestText digest={digest} />}
        {!isManifest && (
          <BlobLink context={context} repository={repository} blob={child}>
            <DigestText digest={digest} />
          </BlobLink>
        )}
      </td>
      <td>
        {name?.name ?? (isManifest ? <span class="badge">not in this registry</span> : mediaType)}
        {describes !== undefined && <span class="soft"> of {describes}</span>}
      </td>
      <td class="number">
        <Size bytes={pullSize ?? size} />
      </td>
    </tr>
  );
}
