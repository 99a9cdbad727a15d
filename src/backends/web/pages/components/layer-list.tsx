import { counted } from "../../../../primitives/text/counted.ts";
import type { LayerDetails, ManifestDetails } from "../../../oci-http/operations/images/manifest-details.ts";
import type { InContext } from "../../requests/web-context.ts";
import { BlobLink } from "./blob-link.tsx";
import { DigestText } from "./digest-text.tsx";
import { LayerBar } from "./layer-bar.tsx";
import { Size } from "./size.tsx";

interface LayerListProps extends InContext {
  readonly repository: string;
  readonly details: ManifestDetails;
}

/** The layers as a bar of their sizes, and as a table. */
export function LayerList({ context, repository, details }: LayerListProps) {
  const { layers, layerCount, sharedSize } = details;
  if (layerCount === 0) return null;
  const total = layers.entries.reduce((sum, { size }) => sum + size, 0);
  const parts = layers.entries.map((layer, i) => ({
    key: String(i),
    bytes: layer.size,
    text: `${layer.createdBy ?? `layer ${i + 1}`}`.slice(0, 120),
    mark: layer.sharedBy ? ("mark-2" as const) : ("mark-1" as const),
  }));
  return (
    <section class="section" aria-labelledby="layers">
      <h2 id="layers">
        {details.name.kind === "image" ? "Layers" : "Files"}{" "}
        <span class="small soft">{layerCount.toLocaleString("en")}</span>
      </h2>
      <LayerBar label={`The sizes of ${counted(layerCount, "layer")}, in order`} parts={parts} />
      <div class="row small">
        <span>
          <Key mark="mark-1" /> in this image alone <Size bytes={total - (sharedSize ?? 0)} />
        </span>
        {sharedSize === undefined ? (
          <span class="soft">What other tags share is shown for the present alone.</span>
        ) : (
          <span>
            <Key mark="mark-2" /> shared with other tags <Size bytes={sharedSize} />
          </span>
        )}
      </div>
      <div class="table">
        <table class="cards">
          <thead>
            <tr>
              <th scope="col" class="number">
                Size
              </th>
              <th scope="col">Digest</th>
              <th scope="col">Made by</th>
              <th scope="col" class="wide">
                Type
              </th>
              <th scope="col">Also in</th>
            </tr>
          </thead>
          <tbody>
            {layers.entries.map((layer, i) => (
              <Layer key={`${i} ${layer.digest}`} context={context} repository={repository} layer={layer} />
            ))}
          </tbody>
        </table>
      </div>
      {layers.more && (
        <p class="small soft">
          The first {layers.entries.length} of {layerCount.toLocaleString("en")}; all are in the JSON below.
        </p>
      )}
    </section>
  );
}

export function Key({ mark }: { readonly mark: string }) {
  return (
    <svg class="key" width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
      <rect class={mark} width="10" height="10" rx="2" />
    </svg>
  );
}

interface LayerProps extends InContext {
  readonly repository: string;
  readonly layer: LayerDetails;
}

function Layer({ context, repository, layer }: LayerProps) {
  const { digest, size, mediaType, createdBy, sharedBy, absence, annotations } = layer;
  return (
    <tr>
      <td class="number">
        <Size bytes={size} />
      </td>
      <td>
        {absence === undefined ? (
          <BlobLink context={context} repository={repository} blob={layer}>
            <DigestText digest={digest} />
          </BlobLink>
        ) : (
          <DigestText digest={digest} />
        )}{" "}
        {absence === "missing" && <span class="badge">not in this registry</span>}
        {absence === "not-distributable" && <span class="badge">kept elsewhere</span>}
      </td>
      <td class="command">{createdBy ?? annotations["org.opencontainers.image.title"]}</td>
      <td class="wide small soft">{mediaType}</td>
      <td class="small" data-label={sharedBy && "Also in"}>
        {sharedBy?.tags.map((tag) => (
          <span key={tag}>
            <a href={context.links.tag(repository, tag)}>{tag}</a>{" "}
          </span>
        ))}
        {sharedBy?.more && <span class="soft">and more</span>}
      </td>
    </tr>
  );
}
