/** Medians of one figure for each registry, the first being ours. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** Whether less is better, as with times and memory. */
  readonly lessIsBetter: boolean;
  readonly values: ReadonlyMap<string, number>;
}

/** How many times better `ours` is than `theirs`. */
export function ratioOf({ lessIsBetter }: Figure, ours: number, theirs: number): number {
  return lessIsBetter ? theirs / ours : ours / theirs;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function format(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "-";
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}

export function markdownTable(figures: readonly Figure[], names: readonly string[]): string {
  const [ours = "", ...peers] = names;
  const header = ["", ours, ...peers.flatMap((peer) => [peer, "ratio"])];
  const rows = figures.map((figure) => {
    const own = figure.values.get(ours);
    const cells = peers.flatMap((peer) => {
      const value = figure.values.get(peer);
      const known = own !== undefined && value !== undefined;
      return [format(value), known ? `${format(ratioOf(figure, own, value))}×` : "-"];
    });
    return [`${figure.name} (${figure.unit})`, format(own), ...cells];
  });
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = header.map((_, i) => (i === 0 ? "---" : "---:"));
  return [line(header), line(rule), ...rows.map(line)].join("\n");
}

const ROW_HEIGHT = 16;
const GROUP_GAP = 14;
const LABEL_WIDTH = 300;
const BAR_WIDTH = 420;
const COLORS = ["#2f6f4f", "#8a8fa3", "#c2b280", "#b07d62"];

/** Bars for each figure, each relative to the best: longer is better in all of them. */
export function chart(figures: readonly Figure[], names: readonly string[]): string {
  const parts: string[] = [];
  let y = 40;
  names.forEach((name, i) => {
    const x = 10 + i * 190;
    parts.push(`<rect x="${x}" y="10" width="12" height="12" fill="${COLORS[i]}"/>`);
    parts.push(`<text x="${x + 18}" y="20">${escapeXml(name)}</text>`);
  });
  for (const figure of figures) {
    const scores = names.map((name) => {
      const value = figure.values.get(name) ?? Number.NaN;
      return figure.lessIsBetter ? 1 / value : value;
    });
    const best = Math.max(...scores.filter((score) => !Number.isNaN(score)));
    parts.push(`<text x="10" y="${y + 12}">${escapeXml(`${figure.name} (${figure.unit})`)}</text>`);
    names.forEach((name, i) => {
      const score = scores[i] ?? Number.NaN;
      if (Number.isNaN(score)) return;
      const width = Math.max(1, (score / best) * BAR_WIDTH);
      parts.push(
        `<rect x="${LABEL_WIDTH}" y="${y + 2}" width="${width.toFixed(1)}" height="12" fill="${COLORS[i]}"/>`,
        `<text x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${y + 12}">${format(figure.values.get(name))}</text>`,
      );
      y += ROW_HEIGHT;
    });
    y += GROUP_GAP;
  }
  const width = LABEL_WIDTH + BAR_WIDTH + 90;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" font-family="sans-serif" font-size="12">
<title>Everlock beside its peers: longer is better</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${parts.join("\n")}
</svg>
`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
