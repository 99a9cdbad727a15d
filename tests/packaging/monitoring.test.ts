import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolveServerConfig } from "../../src/config/server-config.ts";
import { formatMetrics } from "../../src/frontends/ops/metrics.ts";
import { type MeasuredStorage, objectStoreMetrics } from "../../src/frontends/ops/object-store-metrics.ts";
import { consoleLogger } from "../../src/primitives/logging/logger.ts";
import { CacheCounts } from "../../src/primitives/s3/cache-counts.ts";
import { newS3Memory } from "../../src/primitives/s3/s3-memory.ts";
import { startServer } from "../../src/server/server.ts";
import { afterThisTest } from "../support/cleanup.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must } from "../support/tools.ts";

const DIRECTORY = `${import.meta.dir}/../../packaging/monitoring`;
const ALERTS = readFileSync(`${DIRECTORY}/alerts.yml`, "utf8");
const DASHBOARD = readFileSync(`${DIRECTORY}/grafana-dashboard.json`, "utf8");

interface Target {
  readonly expr: string;
}

/** The metrics of a node over an object store, beside those of every server. */
async function nodeMetrics(): Promise<string> {
  const location = {
    kind: "s3",
    memory: newS3Memory(),
    cache: { dir: "", bytes: 1, counts: CacheCounts.memory() },
  };
  const storage = { location, measureLogs: async () => [] } as unknown as MeasuredStorage;
  return formatMetrics(await objectStoreMetrics(storage));
}

/** The metrics that a server with traffic has, without the suffixes of histograms. */
async function servedMetrics(): Promise<ReadonlySet<string>> {
  const args = [
    ...[
      "--data-dir",
      `${temporaryDirectory()}/data`,
      "--admin-user",
      "alice",
      "--admin-password",
      "change-me",
    ],
    ...["--frontend-http-listen-http", "127.0.0.1:0", "--no-backend-admin-ssh"],
    ...["--frontend-ops-listen", "127.0.0.1:0", "--http-workers", "1"],
  ];
  const log = { ...consoleLogger, info: () => undefined };
  const server = await startServer(resolveServerConfig(args, {}), log);
  afterThisTest(() => server.stop());
  await new RegistryClient(server.http?.port ?? 0, "app").pushImage("v1");
  const text = await (await fetch(`http://127.0.0.1:${server.ops?.port}/metrics`)).text();
  return new Set(
    [...`${text}${await nodeMetrics()}`.matchAll(/^# TYPE (\S+) /gm)].map(([, name = ""]) => name),
  );
}

const metricsIn = (text: string) =>
  [...text.matchAll(/\b(?:everlock|process)_[a-z_]+/g)].map(([name]) => name.replace(/_bucket$/, ""));

describe("the alert rules and the dashboard", () => {
  test("use only metrics that the server has", async () => {
    const served = await servedMetrics();
    const panels: { targets?: Target[] }[] = JSON.parse(DASHBOARD).panels;
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(queries.length).toBeGreaterThan(20);
    const rules = [...ALERTS.matchAll(/^ +expr: (.+)$/gm)].map(([, expr = ""]) => expr);
    expect(rules.length).toBeGreaterThan(10);
    expect([...queries, ...rules].flatMap(metricsIn).filter((name) => !served.has(name))).toEqual([]);
  });

  test("give each rule a severity and a summary", () => {
    const rules = ALERTS.split(/^ +- alert: /m).slice(1);
    for (const rule of rules) expect(rule).toMatch(/severity: (critical|warning)[\s\S]*summary: "/);
  });
});

describeWith(["promtool"], "promtool", () => {
  test("accepts the alert rules and every query of the dashboard", async () => {
    await must(["promtool", "check", "rules", "--lint-fatal", `${DIRECTORY}/alerts.yml`]);
    const scraping = ALERTS.split("\ngroups:")[0]?.match(/^# {3}.*$/gm) ?? [];
    expect(scraping.length).toBeGreaterThan(3);
    const prometheus = `${temporaryDirectory()}/prometheus.yml`;
    await Bun.write(prometheus, `${scraping.map((line) => line.slice(4)).join("\n")}\n`);
    await must(["promtool", "check", "config", prometheus]);
    const panels: { targets?: Target[] }[] = JSON.parse(DASHBOARD).panels;
    const rules = panels
      .flatMap(({ targets = [] }) => targets)
      .map(({ expr }, i) => ({
        record: `query:${i}`,
        expr: expr.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*"),
      }));
    const file = `${temporaryDirectory()}/queries.yml`;
    // JSON is YAML.
    await Bun.write(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    await must(["promtool", "check", "rules", file]);
  });
});
