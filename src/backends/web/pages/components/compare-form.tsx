import type { InContext } from "../../requests/web-context.ts";

interface CompareFormProps extends InContext {
  readonly repository: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Tags that are offered; any other can be typed. */
  readonly tags: readonly string[];
}

/** Asks for two tags or digests. */
export function CompareForm({ context, repository, from, to, tags }: CompareFormProps) {
  return (
    <form class="row" method="get" action={context.links.now(`/repositories/${repository}/-/compare`)}>
      {context.at && <input type="hidden" name="at" value={context.at.text} />}
      <label>
        Compare
        <input name="from" list="known-tags" required value={from ?? ""} autoComplete="off" />
      </label>
      <label>
        with
        <input name="to" list="known-tags" required value={to ?? ""} autoComplete="off" />
      </label>
      <datalist id="known-tags">
        {tags.map((tag) => (
          <option key={tag} value={tag} />
        ))}
      </datalist>
      <button type="submit" class="low">
        Compare
      </button>
    </form>
  );
}
