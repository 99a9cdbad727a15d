import type { TagMoveRecord } from "../../../oci-http/operations/tag-moves.ts";

interface TagLineProps {
  /** The newest first; at least one. */
  readonly moves: readonly TagMoveRecord[];
  /** Where the line ends. */
  readonly end: Date;
}

const WIDTH = 1000;
const MARGIN = 8;
/** How many colours tell images apart. */
const COLOURS = 4;

/** The time line of a tag: a bar for as long as the tag named an image, in the image's colour, and a mark for each move. */
export function TagLine({ moves, end }: TagLineProps) {
  const oldestFirst = moves.toReversed();
  const first = oldestFirst[0]?.time.getTime() ?? 0;
  const span = Math.max(end.getTime() - first, 1);
  const x = (time: number) => MARGIN + ((time - first) / span) * (WIDTH - 2 * MARGIN);
  const colours = coloursOf(oldestFirst);
  const days = `${dayOf(new Date(first))} to ${dayOf(end)}`;
  return (
    <svg viewBox={`0 0 ${WIDTH} 52`} role="img" aria-label={`Time line of ${moves.length} moves, ${days}`}>
      <line class="axis" x1={MARGIN} x2={WIDTH - MARGIN} y1="18" y2="18" />
      {oldestFirst.map((move, i) => {
        const from = x(move.time.getTime());
        const until = x((oldestFirst[i + 1]?.time ?? end).getTime());
        const colour = move.after && colours.get(move.after);
        return (
          <g key={move.commit}>
            {colour !== undefined && (
              <rect class={colour} x={from} y="13" width={Math.max(until - from, 1)} height="10" rx="2" />
            )}
            <circle class={colour ?? "mark-soft"} cx={from} cy="18" r="7">
              <title>{`${move.time.toISOString()} ${move.user}: ${move.after ?? "deleted"}`}</title>
            </circle>
          </g>
        );
      })}
      <text x={MARGIN} y="46">
        {dayOf(new Date(first))}
      </text>
      <text x={WIDTH - MARGIN} y="46" text-anchor="end">
        {dayOf(end)}
      </text>
    </svg>
  );
}

/** The same image has the same colour wherever it comes back; neighbours differ. */
function coloursOf(moves: readonly TagMoveRecord[]): ReadonlyMap<string, string> {
  const colours = new Map<string, string>();
  for (const { after } of moves)
    if (after && !colours.has(after)) colours.set(after, `mark-${(colours.size % COLOURS) + 1}`);
  return colours;
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 16).replace("T", " ");
}
