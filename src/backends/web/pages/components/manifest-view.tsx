import type { AttachedManifest } from "../../../oci-http/operations/images/attached.ts";
import type { ManifestDetails } from "../../../oci-http/operations/images/manifest-details.ts";
import type { InContext } from "../../requests/web-context.ts";
import { AttachedList } from "./attached-list.tsx";
import { ConfigView } from "./config-view.tsx";
import { LayerList } from "./layer-list.tsx";
import { PlatformList } from "./platform-list.tsx";
import { TextList } from "./text-list.tsx";

interface ManifestViewProps extends InContext {
  readonly repository: string;
  readonly details: ManifestDetails;
  readonly attached: readonly AttachedManifest[];
  /** The address of more attachments. */
  readonly moreAttached: string | undefined;
}

/** What a manifest is made of, for the pages of tags and of manifests. */
export function ManifestView(props: ManifestViewProps) {
  const { context, repository, details, attached, moreAttached } = props;
  const { config, annotations, name } = details;
  const isImage = name.kind === "image";
  return (
    <>
      <PlatformList context={context} repository={repository} details={details} />
      <LayerList context={context} repository={repository} details={details} />
      {config && <ConfigView context={context} repository={repository} config={config} isImage={isImage} />}
      <AttachedList context={context} repository={repository} attached={attached} next={moreAttached} />
      {Object.keys(annotations).length > 0 && (
        <section class="section" aria-label="Annotations">
          <TextList title="Annotations" texts={Object.entries(annotations)} />
        </section>
      )}
      <RawManifest context={context} repository={repository} details={details} />
    </>
  );
}

function RawManifest({
  context,
  repository,
  details: { shown, digest, size },
}: Pick<ManifestViewProps, "context" | "repository" | "details">) {
  const whole = context.links.to(`/api/v1/repositories/${repository}/-/manifests/${digest}`);
  return (
    <section class="section" aria-label="Manifest as JSON">
      <details>
        <summary>
          Manifest as JSON <span class="small soft">{size.toLocaleString("en")} bytes</span>
        </summary>
        <pre>
          {shown.text}
          {shown.isCut && "…"}
        </pre>
        {shown.isCut && (
          <p class="small soft">
            It is cut here. The <a href={whole}>API returns it whole</a>, as <code>content</code>.
          </p>
        )}
      </details>
    </section>
  );
}
