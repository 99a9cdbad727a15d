import { formatDuration } from "../../../../primitives/text/duration.ts";

interface TimeProps {
  readonly date: Date;
  /** For tests. */
  readonly now?: number;
}

const MINUTE = 60;
const DAY = 86_400;

/** A moment, as its age; the exact one is shown when it is pointed at. */
export function Time({ date, now = Date.now() }: TimeProps) {
  const exact = date.toISOString();
  return (
    <time dateTime={exact} title={`${exact.slice(0, 19).replace("T", " ")} UTC`} class="nowrap">
      {ageOf(Math.floor((now - date.getTime()) / 1000), exact)}
    </time>
  );
}

const HOUR = 3600;

/** The hour of a pull. */
export function PullTime({ date, now = Date.now() }: TimeProps) {
  const exact = date.toISOString();
  const seconds = Math.floor((now - date.getTime()) / 1000);
  return (
    <time
      dateTime={exact}
      title={`${exact.slice(0, 13).replace("T", " ")}:00 UTC, to the hour`}
      class="nowrap"
    >
      {seconds < HOUR ? "this hour" : ageOf(seconds, exact)}
    </time>
  );
}

/** `just now`, `5m ago`, `3d ago`, or the day. */
function ageOf(seconds: number, exact: string): string {
  if (seconds < MINUTE) return "just now";
  if (seconds >= 60 * DAY) return exact.slice(0, 10);
  return `${formatDuration(rounded(seconds))} ago`;
}

/** To its largest unit. */
function rounded(seconds: number): number {
  const unit = [DAY, 3600, MINUTE].find((each) => seconds >= each) ?? 1;
  return Math.floor(seconds / unit) * unit;
}
