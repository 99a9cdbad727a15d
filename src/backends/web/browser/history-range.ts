/** The time that a registry's history covers, in seconds since the epoch. */
export interface Range {
  readonly first: number;
  readonly end: number;
  readonly days: readonly { readonly start: number; readonly commits: number }[];
}

const DAY = 86_400;

/** `undefined`: there is no history that the user may see. */
export async function readRange(address: string): Promise<Range | undefined> {
  const response = await fetch(address);
  if (!response.ok) return undefined;
  const { first, days } = (await response.json()) as {
    first?: string;
    days: { day: string; commits: number }[];
  };
  if (first === undefined) return undefined;
  return {
    first: Math.floor(Date.parse(first) / 1000),
    end: Math.ceil(Date.now() / 1000),
    days: days.map(({ day, commits }) => ({ start: Date.parse(day) / 1000, commits })),
  };
}

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [1000, 24];

/** A bar for each day, as high as much was pushed. */
export function drawDays({ first, end, days }: Range): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const most = Math.max(1, ...days.map(({ commits }) => commits));
  const x = (seconds: number) =>
    Math.min(Math.max((seconds - first) / Math.max(end - first, 1), 0), 1) * WIDTH;
  for (const { start, commits } of days) {
    const height = Math.max(Math.sqrt(commits / most) * HEIGHT, 2);
    const width = Math.max(x(start + DAY) - x(start) - 1, 2);
    const bar = document.createElementNS(SVG, "rect");
    const values = { x: x(start), y: HEIGHT - height, width, height };
    for (const [name, value] of Object.entries(values)) bar.setAttribute(name, value.toFixed(1));
    bar.setAttribute("class", "mark-1");
    svg.append(bar);
  }
  return svg;
}
