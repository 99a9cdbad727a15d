export interface Sample {
  /** For a histogram: `_bucket`, `_sum` or `_count`. */
  readonly suffix?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric of the Prometheus text format (exposition format 0.0.4). */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

/** The observations of a histogram for one set of labels: one bucket for each upper bound, and one for larger values. */
export interface Distribution {
  readonly labels: Readonly<Record<string, string>>;
  readonly buckets: readonly number[];
  readonly sum: number;
}

export function gauge(name: string, help: string, ...samples: readonly Sample[]): Metric {
  return { name, help, type: "gauge", samples };
}

export function counter(name: string, help: string, ...samples: readonly Sample[]): Metric {
  return { name, help, type: "counter", samples };
}

export function histogram(
  name: string,
  help: string,
  bounds: readonly number[],
  distributions: readonly Distribution[],
): Metric {
  const samples = distributions.flatMap(({ labels, buckets, sum }): Sample[] => {
    let count = 0;
    const cumulative = [...bounds.map(String), "+Inf"].map((le, i): Sample => {
      count += buckets[i] ?? 0;
      return { suffix: "_bucket", labels: { ...labels, le }, value: count };
    });
    return [
      ...cumulative,
      { suffix: "_sum", labels, value: sum },
      { suffix: "_count", labels, value: count },
    ];
  });
  return { name, help, type: "histogram", samples };
}

export function formatMetrics(metrics: readonly Metric[]): string {
  const lines = metrics.flatMap(({ name, help, type, samples }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(
      ({ suffix = "", labels = {}, value }) => `${name}${suffix}${formatLabels(labels)} ${value}`,
    ),
  ]);
  return `${lines.join("\n")}\n`;
}

function formatLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escapeLabel(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
