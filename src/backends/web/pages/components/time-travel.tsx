import type { InContext } from "../../requests/web-context.ts";
import { queryKept } from "./kept-query.ts";

/**
 * The choice of a moment at which the registry is looked at: a field to type it and, with scripts, a slider over the history,
 * which is read when it is opened.
 */
export function TimeTravel({ context }: InContext) {
  const { at, asOf, links, query, request } = context;
  const seconds = asOf?.time && Math.floor(asOf.time.getTime() / 1000);
  return (
    <details
      class="past"
      open={at !== undefined}
      data-history={links.now("/api/v1/history")}
      data-at={seconds}
    >
      <summary>{at ? "As of a past moment" : "As of now"}</summary>
      <form method="get" action={links.now(request.path)} class="row">
        {Object.entries(queryKept(context)).map(([name, value]) => (
          <input key={name} type="hidden" name={name} value={value} />
        ))}
        <label>
          Show the registry as of
          <input
            name="at"
            value={query.get("at") ?? ""}
            placeholder="2h, yesterday, 2026-01-31 12:00 or a commit"
            autoComplete="off"
            size={40}
          />
        </label>
        <button type="submit">Show</button>
      </form>
    </details>
  );
}
