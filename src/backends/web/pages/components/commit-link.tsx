import type { ObjectId } from "../../../../primitives/store/git/object-id.ts";
import type { InContext } from "../../requests/web-context.ts";

const SHOWN_DIGITS = 12;

export function shortCommit(commit: string): string {
  return commit.slice(0, SHOWN_DIGITS);
}

export function CommitLink({ context, commit }: InContext & { readonly commit: ObjectId }) {
  return (
    <a class="mono nowrap" href={context.links.to(`/commits/${commit}`)} title={commit}>
      {shortCommit(commit)}
    </a>
  );
}
