import type { Digest } from "../../../../primitives/digest.ts";
import { mayChange, mayChangeAll } from "../../api/changes.ts";
import { type ContentChange, mayUndoCommit } from "../../api/commit-actions.ts";
import type { InContext } from "../../requests/web-context.ts";

/** Actions on the whole registry, for administrators. */
export function RegistryActions({ context }: InContext) {
  const { links, at } = context;
  if (!mayChangeAll(context)) return null;
  return (
    <div class="row">
      <a class="button" href={links.now("/restore", { to: at?.text })}>
        Restore…
      </a>
      {!at && (
        <a class="button danger" href={links.now("/delete")}>
          Delete…
        </a>
      )}
    </div>
  );
}

interface RepositoryProps extends InContext {
  readonly repository: string;
}

/** Actions on a repository; a past moment that is looked at can be restored. */
export function RepositoryActions({ context, repository }: RepositoryProps) {
  return <Actions context={context} repository={repository} restored={{}} deleted={{}} />;
}

/** Actions on a tag. */
export function TagActions({ context, repository, tag }: RepositoryProps & { readonly tag: string }) {
  return (
    <Actions context={context} repository={repository} restored={{ tag }} source={tag} deleted={{ tag }} />
  );
}

/** Actions on a manifest. */
export function ManifestActions({
  context,
  repository,
  digest,
}: RepositoryProps & { readonly digest: Digest }) {
  return <Actions context={context} repository={repository} source={digest} deleted={{ digest }} />;
}

interface ActionsProps extends RepositoryProps {
  readonly restored?: Readonly<Record<string, string>>;
  /** The manifest that another tag may be set to: a tag or a digest. */
  readonly source?: string;
  readonly deleted: Readonly<Record<string, string>>;
}

function Actions({ context, repository, restored, source, deleted }: ActionsProps) {
  const { links, at } = context;
  const { restores, deletes } = mayChange(context, repository);
  const root = `/repositories/${repository}/-`;
  // What a past moment shows may be gone by now.
  const offersDelete = deletes && !at;
  const offersTag = restores && source !== undefined && !at;
  if (!(restores && restored) && !offersTag && !offersDelete) return null;
  return (
    <div class="row">
      {offersTag && (
        <a class="button" href={links.now(`${root}/retag`, { source })}>
          Set another tag…
        </a>
      )}
      {restores && restored && (
        <a class="button" href={links.now(`${root}/restore`, { ...restored, to: at?.text })}>
          Restore…
        </a>
      )}
      {offersDelete && (
        <a class="button danger" href={links.now(`${root}/delete`, deleted)}>
          Delete…
        </a>
      )}
    </div>
  );
}

interface CommitActionsProps extends InContext {
  readonly commit: string;
  /** The first changes of the commit. */
  readonly changes: readonly ContentChange[];
}

/** Actions on a commit. */
export function CommitActions({ context, commit, changes }: CommitActionsProps) {
  if (!mayUndoCommit(context, changes)) return null;
  return (
    <a class="button" href={context.links.now(`/commits/${commit}/undo`)}>
      Undo…
    </a>
  );
}
