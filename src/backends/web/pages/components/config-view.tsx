import { commandText } from "../../../oci-http/operations/images/config-changes.ts";
import type { HistoryStep, ImageConfig } from "../../../oci-http/operations/images/image-config.ts";
import type { ManifestDetails } from "../../../oci-http/operations/images/manifest-details.ts";
import type { InContext } from "../../requests/web-context.ts";
import { BlobLink } from "./blob-link.tsx";
import { Size } from "./size.tsx";
import { TextList } from "./text-list.tsx";
import { WrittenTime } from "./written-time.tsx";

interface ConfigViewProps extends InContext {
  readonly repository: string;
  readonly config: NonNullable<ManifestDetails["config"]>;
  readonly isImage: boolean;
}

/** How an image is run and was made; of another artifact, its configuration as it is. */
export function ConfigView({ context, repository, config, isImage }: ConfigViewProps) {
  const { image, shown, problem, size } = config;
  // Artifacts without a configuration have an empty one.
  if (!isImage && size <= 2) return null;
  return (
    <section class="section" aria-labelledby="config">
      <h2 id="config">Configuration</h2>
      {problem !== undefined && <p class="notice">The configuration is not shown: {problem}. </p>}
      {image && isImage && <Run image={image} />}
      {!isImage && shown && (
        <pre>
          {shown.text}
          {shown.isCut && "…"}
        </pre>
      )}
      <p class="small soft">
        <BlobLink context={context} repository={repository} blob={config}>
          Download the configuration
        </BlobLink>{" "}
        (<Size bytes={size} />)
      </p>
    </section>
  );
}

function Run({ image }: { readonly image: ImageConfig }) {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["Entry point", commandText(image.entrypoint)],
    ["Command", commandText(image.command)],
    ["User", image.user],
    ["Working directory", image.workingDir],
    ["Ports", image.ports.join(", ")],
    ["Volumes", image.volumes.join(", ")],
    ["Stop signal", image.stopSignal],
    ["Author", image.author],
  ];
  return (
    <>
      <dl class="facts">
        {image.created !== undefined && <dt>Created</dt>}
        {image.created !== undefined && (
          <dd>
            <WrittenTime text={image.created} />
          </dd>
        )}
        {facts.map(([name, value]) =>
          value
            ? [
                <dt key={`${name} name`}>{name}</dt>,
                <dd key={name} class="mono">
                  {value}
                </dd>,
              ]
            : null,
        )}
      </dl>
      <TextList title="Environment" texts={image.environment.map(variable)} />
      <TextList title="Labels" texts={Object.entries(image.labels)} />
      <History steps={image.history} />
    </>
  );
}

function variable(text: string): [string, string] {
  const end = text.indexOf("=");
  return end < 0 ? [text, ""] : [text.slice(0, end), text.slice(end + 1)];
}

function History({ steps }: { readonly steps: readonly HistoryStep[] }) {
  if (steps.length === 0) return null;
  return (
    <details>
      <summary>
        History <span class="small soft">{steps.length}</span>
      </summary>
      <ol class="steps">
        {steps.map(({ createdBy, comment, created, isEmpty }, i) => (
          <li key={`${i} ${created ?? ""}`}>
            <span class="command">{createdBy ?? comment ?? "unknown"}</span>{" "}
            <span class="small soft">
              {created !== undefined && <WrittenTime text={created} />} {isEmpty && "no layer"}
            </span>
          </li>
        ))}
      </ol>
    </details>
  );
}
