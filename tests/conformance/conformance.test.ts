import { expect, test } from "bun:test";
import { ADMIN_PASSWORD, type Everlock, startEverlock } from "../support/everlock.ts";
import { balance } from "../support/load-balancer.ts";
import { startNode } from "../support/s3-cluster.ts";
import { startS3Server } from "../support/s3-server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, missingTools, run, STREAM_MODULE } from "../support/tools.ts";

/** What a suite needs. */
const toolsOf = ({ nodes }: Suite) => [
  "conformance",
  ...(nodes === undefined ? [] : ["versitygw", "nginx", STREAM_MODULE]),
];

/** A run of the official suite: a status for each API and kind of data, and how many checks ended in which. */
interface Report {
  readonly rows: readonly (readonly [name: string, status: string])[];
  readonly counts: Readonly<Record<string, number>>;
  readonly output: string;
}

interface Suite {
  readonly name: string;
  readonly references: "strict" | "sparse";
  readonly environment: Readonly<Record<string, string>>;
  /** Rows that are switched off by the suite's own settings. */
  readonly disabled: readonly string[];
  /** Nodes over an object store, behind a load balancer; without it, one server with stores of its own. */
  readonly nodes?: number;
}

const SUITES: readonly Suite[] = [
  {
    name: "the conformance suite with every option, references=strict",
    references: "strict",
    environment: { OCI_VERSION: "dev" },
    // What such a registry refuses on purpose: manifests that name content which is not there.
    disabled: ["Sparse Manifests"],
  },
  {
    name: "the conformance suite with every option, references=sparse",
    references: "sparse",
    environment: { OCI_VERSION: "dev", OCI_DATA_SPARSE: "true" },
    disabled: [],
  },
  {
    name: "the conformance suite with every option, on three nodes of an object store behind a load balancer",
    references: "strict",
    environment: { OCI_VERSION: "dev" },
    disabled: ["Sparse Manifests"],
    nodes: 3,
  },
  {
    name: "the conformance suite with its default settings",
    references: "strict",
    environment: {},
    disabled: [
      "Blob upload cancel",
      "Manifest put with tag params",
      "Sparse Manifests",
      "Tag Param",
      "Tag Param sha512",
    ],
  },
];

/** Starts what a suite tests, and returns its address. */
async function start({ references, nodes: count }: Suite): Promise<[registry: string, servers: Everlock[]]> {
  const args = ["--backend-oci-http-references", references];
  if (count === undefined) {
    const server = await startEverlock({ args });
    return [server.registry, [server]];
  }
  const location = await startS3Server();
  const nodes = await Promise.all(Array.from({ length: count }, () => startNode(location, { args })));
  return [`localhost:${(await balance(nodes)).httpPort}`, nodes];
}

async function runSuite(suite: Suite): Promise<Report> {
  const { environment } = suite;
  const [registry, servers] = await start(suite);
  try {
    const { stdout, stderr } = await run(["conformance"], {
      cwd: temporaryDirectory(),
      env: {
        OCI_REGISTRY: registry,
        OCI_TLS: "disabled",
        OCI_USERNAME: "admin",
        OCI_PASSWORD: ADMIN_PASSWORD,
        ...environment,
      },
    });
    return { ...parseSummary(stdout), output: `${stderr}${stdout}` };
  } finally {
    for (const server of servers) await server.end("SIGKILL");
  }
}

/** Reads lines such as `  Blob get range................:       Pass` and `  Pass..........................:        986`. */
function parseSummary(stdout: string): Pick<Report, "rows" | "counts"> {
  const rows: [string, string][] = [];
  const counts: Record<string, number> = {};
  for (const [, name = "", value = ""] of stdout.matchAll(/^ {2}(\S.*?)\.{2,}: +(\S+)$/gm)) {
    if (/^\d+$/.test(value)) counts[name] = Number(value);
    else rows.push([name, value]);
  }
  return { rows, counts };
}

const reports = new Map<Suite, Report>();
for (const suite of SUITES) if (!missingTools(toolsOf(suite))) reports.set(suite, await runSuite(suite));

for (const suite of SUITES) {
  const { name, disabled } = suite;
  describeWith(toolsOf(suite), name, () => {
    const { rows = [], counts = {}, output = "" } = reports.get(suite) ?? {};

    test.each(rows.map((row) => [...row]))("%s", (row, status) => {
      if (status !== "Pass" && status !== "Disabled") console.error(output);
      expect(status).toBe(disabled.includes(row) ? "Disabled" : "Pass");
    });

    test(`leaves nothing failed or skipped of ${counts["Total"]} checks`, () => {
      expect(rows.length).toBeGreaterThan(40);
      expect(counts).toMatchObject({ FAIL: 0, Error: 0, Skip: 0 });
      expect(counts["Total"]).toBeGreaterThan(800);
      if (disabled.length === 0) expect(counts["Disabled"]).toBe(0);
    });
  });
}
