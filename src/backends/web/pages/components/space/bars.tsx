const HEIGHT = 100;
const WIDTH = 100;
/** Part of a bar's place that it fills. */
const FILLED = 0.8;
/** A bar that is not 0 is seen. */
const LEAST = 1;

export interface Bar {
  /** What the bar is about, such as a day. */
  readonly label: string;
  readonly value: number;
}

interface BarsProps {
  readonly title: string;
  readonly bars: readonly Bar[];
  readonly format: (value: number) => string;
  /** The class of the fill. */
  readonly mark: "mark-1" | "mark-2";
}

/** A plot of values over time, with the numbers beside it. */
export function Bars({ title, bars, format, mark }: BarsProps) {
  const most = Math.max(...bars.map(({ value }) => value), 0);
  const [first, last] = [bars[0], bars.at(-1)];
  if (!first || !last) return null;
  const place = WIDTH / bars.length;
  return (
    <figure class="section plot">
      <figcaption>
        <h3>{title}</h3>
        <span class="soft small">up to {format(most)}</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        width="100%"
        height="140"
        role="img"
        aria-label={`${title}: ${format(first.value)} at ${first.label}, ${format(last.value)} at ${last.label}, up to ${format(most)}`}
      >
        {bars.map(({ label, value }, i) => {
          const height = value === 0 ? 0 : Math.max(LEAST, (value / most) * HEIGHT);
          return (
            <rect
              key={label}
              class={mark}
              x={i * place + (place * (1 - FILLED)) / 2}
              y={HEIGHT - height}
              width={place * FILLED}
              height={height}
            >
              <title>{`${label}: ${format(value)}`}</title>
            </rect>
          );
        })}
        <line class="axis" x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} vector-effect="non-scaling-stroke" />
      </svg>
      <div class="plot-ends small soft">
        <span>{first.label}</span>
        <span>{last.label}</span>
      </div>
      <details>
        <summary>Numbers</summary>
        <div class="table">
          <table>
            <tbody>
              {bars.toReversed().map(({ label, value }) => (
                <tr key={label}>
                  <th scope="row">{label}</th>
                  <td class="number">{format(value)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}

interface SharesProps {
  readonly label: string;
  /** Bytes of each part, and the class of its fill. */
  readonly parts: readonly { readonly bytes: number; readonly mark: string }[];
  /** The bytes of a bar that is whole. */
  readonly most: number;
}

/** One bar of several parts. */
export function Shares({ label, parts, most }: SharesProps) {
  let x = 0;
  return (
    <svg
      viewBox="0 0 100 10"
      preserveAspectRatio="none"
      width="100%"
      height="12"
      role="img"
      aria-label={label}
    >
      {parts.map(({ bytes, mark }) => {
        const width = most === 0 ? 0 : (bytes / most) * 100;
        x += width;
        return <rect key={mark} class={mark} x={x - width} y="0" width={width} height="10" />;
      })}
    </svg>
  );
}

/** The colour of a part of a bar, in a legend. */
export function Swatch({ mark }: { readonly mark: string }) {
  return (
    <svg class="swatch" viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
      <rect class={mark} width="10" height="10" rx="2" />
    </svg>
  );
}
