import { formatSize } from "../../../../../primitives/text/byte-size.ts";
import type { SpaceDay } from "../../../../oci-http/operations/space-measurement.ts";
import type { InContext } from "../../../requests/web-context.ts";
import { type Bar, Bars } from "./bars.tsx";

const DAY_MS = 86_400_000;

/** How the plots are divided: days of a step, and how many steps are shown. */
export const STEPS = {
  day: { days: 1, least: 14, most: 60 },
  week: { days: 7, least: 8, most: 53 },
} as const;
export type Step = keyof typeof STEPS;

interface GrowthProps extends InContext {
  readonly path: string;
  readonly days: readonly SpaceDay[];
  readonly step: Step;
  /** Instead of that about bytes. */
  readonly note?: string;
}

/** Stored bytes and changes over time. */
export function Growth({ context, path, days, step, note }: GrowthProps) {
  const { commits, stored } = seriesOf(days, step, Date.now());
  return (
    <section class="section" aria-labelledby="growth">
      <div class="row">
        <h2 id="growth">Growth</h2>
        <nav class="row small" aria-label="Steps of the plots">
          {Object.keys(STEPS).map((each) => (
            <a
              key={each}
              href={context.links.now(path, { step: each })}
              aria-current={each === step ? "true" : undefined}
            >
              by {each}
            </a>
          ))}
        </nav>
      </div>
      <div class="plots">
        {stored && <Bars title="Stored bytes" bars={stored} format={formatSize} mark="mark-1" />}
        <Bars
          title={`Changes a ${step}`}
          bars={commits}
          format={(value) => value.toLocaleString("en")}
          mark="mark-2"
        />
      </div>
      <p class="small soft">
        {note ??
          (stored
            ? "Stored bytes are those of today by the day on which they came: what was deleted since is left out."
            : "In a bucket, the days on which blobs came are not measured.")}{" "}
        Each push, delete and restore is one change.
      </p>
    </section>
  );
}

/** A bar for each step up to now, also where nothing happened; `stored` adds up from the first day of all. */
export function seriesOf(
  days: readonly SpaceDay[],
  step: Step,
  now: number,
): { readonly commits: readonly Bar[]; readonly stored: readonly Bar[] | undefined } {
  const { days: length, least, most } = STEPS[step];
  const today = Math.floor(now / DAY_MS);
  const dayOf = ({ day }: SpaceDay) => Math.floor(Date.parse(day) / DAY_MS);
  const first = Math.max(days[0] ? dayOf(days[0]) : today, today - most * length + 1);
  const count = Math.max(least, Math.ceil((today - first + 1) / length));
  const begin = today - count * length + 1;
  const commits = Array.from({ length: count }, () => 0);
  const added = Array.from({ length: count }, () => 0);
  let before = 0;
  for (const each of days) {
    const at = Math.floor((dayOf(each) - begin) / length);
    if (at < 0) before += each.addedBytes ?? 0;
    else if (at < count) {
      commits[at] = (commits[at] ?? 0) + each.commits;
      added[at] = (added[at] ?? 0) + (each.addedBytes ?? 0);
    }
  }
  const label = (at: number) => new Date((begin + at * length) * DAY_MS).toISOString().slice(0, 10);
  let sum = before;
  const isMeasured = days.some(({ addedBytes }) => addedBytes !== undefined);
  return {
    commits: commits.map((value, at) => ({ label: label(at), value })),
    stored: isMeasured
      ? added.map((bytes, at) => {
          sum += bytes;
          return { label: label(at), value: sum };
        })
      : undefined,
  };
}
