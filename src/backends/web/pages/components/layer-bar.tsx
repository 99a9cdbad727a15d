import { formatSize } from "../../../../primitives/text/byte-size.ts";

export interface BarPart {
  readonly key: string;
  readonly bytes: number;
  readonly text: string;
  readonly mark: "mark-1" | "mark-2" | "mark-3" | "mark-4" | "mark-soft";
}

interface LayerBarProps {
  readonly label: string;
  readonly parts: readonly BarPart[];
}

/** Units of the drawing across its width. */
const WIDTH = 1000;
const HEIGHT = 28;
const GAP = 2;
/** Parts that are drawn by themselves; the others are drawn as one. */
const MAX_PARTS = 60;

/** Sizes side by side, each as wide as its share. */
export function LayerBar({ label, parts }: LayerBarProps) {
  const drawn = largest(parts);
  const total = drawn.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total === 0) return null;
  let x = 0;
  return (
    <svg
      class="bar"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width="100%"
      height={HEIGHT}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {drawn.map(({ key, bytes, text, mark }) => {
        const width = (bytes / total) * WIDTH;
        const from = x;
        x += width;
        return (
          <rect
            key={key}
            class={mark}
            x={from.toFixed(2)}
            y="0"
            width={Math.max(width - GAP, 0.5).toFixed(2)}
            height={HEIGHT}
          >
            <title>{`${text}, ${formatSize(bytes)}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}

function largest(parts: readonly BarPart[]): readonly BarPart[] {
  const present = parts.filter(({ bytes }) => bytes > 0);
  if (present.length <= MAX_PARTS) return present;
  const least = present.toSorted((a, b) => b.bytes - a.bytes)[MAX_PARTS - 1]?.bytes ?? 0;
  const shown = present.filter(({ bytes }) => bytes >= least).slice(0, MAX_PARTS);
  const rest = present.filter((part) => !shown.includes(part));
  const bytes = rest.reduce((sum, part) => sum + part.bytes, 0);
  return [...shown, { key: "rest", bytes, text: `${rest.length} smaller ones`, mark: "mark-soft" }];
}
