import type { InContext } from "../../requests/web-context.ts";

/** Says that a past moment is shown, and leads back to now. */
export function AsOfNotice({ context }: InContext) {
  const { at, request, links } = context;
  if (!at) return null;
  return (
    <div class="notice row" role="status">
      <span>
        This is the registry as of <strong>{at.text}</strong>. It is read-only.
      </span>
      <a href={links.now(request.path)}>Back to now</a>
    </div>
  );
}
