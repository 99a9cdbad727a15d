import type { InContext } from "../../requests/web-context.ts";
import { CommitLink } from "./commit-link.tsx";
import { queryKept } from "./kept-query.ts";

interface AsOfNoticeProps extends InContext {
  /** Whether the page shows the same at any moment. */
  readonly isTimeless: boolean;
}

/** Says that a past moment is shown and which commit was the last one, and leads back to now. */
export function AsOfNotice({ context, isTimeless }: AsOfNoticeProps) {
  const { at, request, links } = context;
  if (!at) return null;
  return (
    <div class="notice row" role="status">
      <span>
        {isTimeless ? "The other pages show the registry as of " : "This is the registry as of "}
        <MomentText context={context} />
        {isTimeless ? "; this page is the same at any time." : ". It is read-only."}
      </span>
      <span class="row">
        <a href={links.now("/compare", { from: at.text })}>Compare with now</a>
        <a href={links.now(request.path, queryKept(context))}>Back to now</a>
      </span>
    </div>
  );
}

function MomentText({ context }: InContext) {
  const { at, asOf } = context;
  const { time, last } = asOf ?? {};
  const text = time ? `${time.toISOString().slice(0, 19).replace("T", " ")} UTC` : (at?.text ?? "");
  if (!last)
    return (
      <>
        <strong>{text}</strong>, before its first change that you may see
      </>
    );
  return (
    <>
      <strong>{text}</strong>, after <CommitLink context={context} commit={last.commitId} /> by {last.user}: “
      {last.subject}”
    </>
  );
}
