import type { ManifestDetails } from "../../../oci-http/operations/images/manifest-details.ts";
import type { FoundTag } from "../../../oci-http/operations/search-tags.ts";
import type { InContext } from "../../requests/web-context.ts";
import { Copyable } from "./copyable.tsx";
import { DigestText } from "./digest-text.tsx";
import { Size } from "./size.tsx";
import { PullTime, Time } from "./time.tsx";

interface ManifestFactsProps extends InContext {
  readonly repository: string;
  readonly details: ManifestDetails;
  /** The tag that is shown. */
  readonly tag?: FoundTag;
}

/** Media types of everyday images say nothing beside the kind. */
const EVERYDAY: readonly string[] = ["image", "index"];

export function ManifestFacts({ context, repository, details, tag }: ManifestFactsProps) {
  const { links } = context;
  const { digest, name, artifactType, mediaType, pullSize, platforms, subject } = details;
  const others = details.tags.entries.filter((other) => other !== tag?.tag);
  return (
    <dl class="facts">
      <dt>What it is</dt>
      <dd>
        {name.name}{" "}
        <span class="small soft">
          {EVERYDAY.includes(name.kind) ? mediaType : (artifactType ?? mediaType)}
        </span>
      </dd>
      <dt>Digest</dt>
      <dd>
        <Copyable text={digest} />
      </dd>
      <dt>Size</dt>
      <dd>
        <Size bytes={pullSize} />
      </dd>
      {platforms.length > 0 && <dt>Platforms</dt>}
      {platforms.length > 0 && <dd>{platforms.join(", ")}</dd>}
      {tag && <TagFacts tag={tag} />}
      {subject && <dt>Refers to</dt>}
      {subject && (
        <dd>
          <a href={links.manifest(repository, subject)}>
            <DigestText digest={subject} />
          </a>
        </dd>
      )}
      {others.length > 0 && <dt>{tag ? "Other tags of it" : "Tags"}</dt>}
      {others.length > 0 && (
        <dd>
          {others.map((other) => (
            <span key={other}>
              <a href={links.tag(repository, other)}>{other}</a>{" "}
            </span>
          ))}
          {details.tags.more && <span class="soft">and more</span>}
        </dd>
      )}
    </dl>
  );
}

function TagFacts({ tag: { pushed, by, pulled, isWriteOnce, expires } }: { readonly tag: FoundTag }) {
  return (
    <>
      {pushed && <dt>Pushed</dt>}
      {pushed && (
        <dd>
          <Time date={pushed} /> {by !== undefined && <span class="soft">by {by}</span>}
        </dd>
      )}
      {pulled && <dt>Last pull</dt>}
      {pulled && (
        <dd>
          <PullTime date={pulled} />
        </dd>
      )}
      {isWriteOnce && <dt>Write-once</dt>}
      {isWriteOnce && <dd>No push can move this tag.</dd>}
      {expires && <dt>Cleanup</dt>}
      {expires && (
        <dd>
          The next cleanup deletes this tag, by the rule <code>{expires.rule}</code>.
        </dd>
      )}
    </>
  );
}
