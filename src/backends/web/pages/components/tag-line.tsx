import { counted } from "../../../../primitives/text/counted.ts";
import type { TagMoveRecord } from "../../../oci-http/operations/tag-moves.ts";

interface TagLineProps {
  /** The newest first; at least one. */
  readonly moves: readonly TagMoveRecord[];
  /** Where the line ends. */
  readonly end: Date;
}

const WIDTH = 1000;
const HEIGHT = 24;
/** How many colours tell images apart. */
const COLOURS = 4;

/** The time line of a tag: a bar for as long as the tag named an image, in the image's colour, and a mark for each move. */
export function TagLine({ moves, end }: TagLineProps) {
  const oldestFirst = moves.toReversed();
  const first = oldestFirst[0]?.time ?? end;
  const span = Math.max(end.getTime() - first.getTime(), 1);
  const x = (time: Date) => ((time.getTime() - first.getTime()) / span) * WIDTH;
  const colours = coloursOf(oldestFirst);
  const label = `Time line of ${counted(moves.length, "move")}, ${minuteOf(first)} to ${minuteOf(end)}`;
  return (
    <figure>
      <svg
        class="line"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
      >
        {oldestFirst.map(({ commit, time, user, after }, i) => {
          const from = x(time);
          const until = x(oldestFirst[i + 1]?.time ?? end);
          return (
            <g key={commit}>
              <title>{`${minuteOf(time)} by ${user}: ${after ?? "deleted"}`}</title>
              <rect
                class={(after && colours.get(after)) ?? "mark-soft"}
                x={from}
                y={HEIGHT / 4}
                width={Math.max(until - from, 1)}
                height={HEIGHT / 2}
              />
              <line class="tick" x1={from} x2={from} y1="0" y2={HEIGHT} />
            </g>
          );
        })}
      </svg>
      <figcaption class="ends small soft">
        <span>{minuteOf(first)}</span>
        <span>{minuteOf(end)} UTC</span>
      </figcaption>
    </figure>
  );
}

/** The same image has the same colour wherever it comes back; neighbours differ. */
function coloursOf(moves: readonly TagMoveRecord[]): ReadonlyMap<string, string> {
  const colours = new Map<string, string>();
  for (const { after } of moves)
    if (after && !colours.has(after)) colours.set(after, `mark-${(colours.size % COLOURS) + 1}`);
  return colours;
}

function minuteOf(date: Date): string {
  return date.toISOString().slice(0, 16).replace("T", " ");
}
