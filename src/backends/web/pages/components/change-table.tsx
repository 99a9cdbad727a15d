import type { Digest } from "../../../../primitives/digest.ts";
import type { ObjectId } from "../../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../../registry/model/repository-name.ts";
import type { Tag } from "../../../../registry/model/tag.ts";
import type { InContext } from "../../requests/web-context.ts";
import { DigestText } from "./digest-text.tsx";
import { TagText } from "./tag-text.tsx";

/** A change of a tag or, without `tag`, of a manifest. */
export interface ShownChange {
  readonly repository: RepositoryName;
  readonly tag: Tag | undefined;
  readonly before: Digest | undefined;
  readonly after: Digest | undefined;
}

/** A past moment in addresses: a commit, or as a user writes it; `undefined`: now. */
export type ShownMoment = ObjectId | string | undefined;

interface ChangeTableProps extends InContext {
  readonly changes: readonly ShownChange[];
  /** The moments whose manifests the digests lead to. */
  readonly then: ShownMoment;
  readonly now: ShownMoment;
}

/** What differs between two states. */
export function ChangeTable({ context, changes, then, now }: ChangeTableProps) {
  return (
    <div class="table">
      <table>
        <thead>
          <tr>
            <th scope="col">Change</th>
            <th scope="col">What</th>
            <th scope="col" class="wide">
              Before
            </th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((change) => (
            <Row key={keyOf(change)} context={context} change={change} then={then} now={now} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

type RowProps = Omit<ChangeTableProps, "changes"> & { readonly change: ShownChange };

function Row({ context, change, then, now }: RowProps) {
  const { repository, tag, before, after } = change;
  const { links } = context;
  const at = after ? now : then;
  return (
    <tr>
      <td>
        <ChangeWord change={change} />
      </td>
      <td class="text">
        <a href={links.now(`/repositories/${repository}`, { at })}>{repository}</a>
        {tag === undefined ? (
          <span class="soft"> manifest</span>
        ) : (
          <>
            :
            <a href={links.now(`/repositories/${repository}/-/tags/${tag}`, { at })}>
              <TagText tag={tag} />
            </a>
          </>
        )}
      </td>
      <td class="wide">
        <DigestAt context={context} repository={repository} digest={before} at={then} />
      </td>
      <td>
        <DigestAt context={context} repository={repository} digest={after} at={now} />
      </td>
    </tr>
  );
}

function ChangeWord({ change: { before, after } }: { readonly change: ShownChange }) {
  if (before && after) return <span>moved</span>;
  return after ? <span class="added">added</span> : <span class="removed">deleted</span>;
}

interface DigestAtProps extends InContext {
  readonly repository: string;
  readonly digest: Digest | undefined;
  readonly at: ShownMoment;
}

/** A digest that leads to the manifest as of a moment. */
export function DigestAt({ context, repository, digest, at }: DigestAtProps) {
  if (!digest) return <span class="soft">none</span>;
  return (
    <a href={context.links.now(`/repositories/${repository}/-/manifests/${digest}`, { at })}>
      <DigestText digest={digest} />
    </a>
  );
}

function keyOf({ repository, tag, before, after }: ShownChange): string {
  return `${repository} ${tag ?? after ?? before}`;
}
