import { RawConnection } from "./raw-connection.ts";

/** Something that is done again and again on each of many connections. */
export type Step = (connection: RawConnection) => Promise<void>;

/** The same request every time, which is answered with 200. */
export interface RepeatedRequest {
  readonly method: "GET" | "HEAD";
  readonly path: string;
  /** Lines that end in CR LF. */
  readonly headers: string;
}

export interface Load {
  readonly connections: number;
  readonly seconds: number;
}

export interface Measured {
  /** Steps each second. */
  readonly rate: number;
  /** All steps, those to warm up as well. */
  readonly count: number;
}

const WARM_UP_SECONDS = 1;

/** A generator of load in C takes less of the processor from the server under test than ours. */
const WRK = Bun.which("wrk");
export const GENERATOR = WRK ? "wrk" : "the benchmark itself";

export function measureRate(work: Step | RepeatedRequest, port: number, load: Load): Promise<Measured> {
  if (typeof work === "function") return measureSteps(work, [port], load);
  // It waits for the body of an answer to HEAD.
  const isForWrk = WRK && work.method === "GET";
  return isForWrk ? measureWithWrk(WRK, work, port, load) : measureSteps(stepOf(work), [port], load);
}

/** The connections are shared out evenly among the ports. */
export async function measureSteps(
  step: Step,
  ports: readonly number[],
  { connections, seconds }: Load,
): Promise<Measured> {
  const open = await Promise.all(
    Array.from({ length: connections }, (_, i) => RawConnection.open(ports[i % ports.length] ?? 0)),
  );
  const runFor = async (ms: number) => {
    const end = performance.now() + ms;
    let count = 0;
    await Promise.all(
      open.map(async (connection) => {
        while (performance.now() < end) {
          await step(connection);
          count++;
        }
      }),
    );
    return count;
  };
  const before = await runFor(WARM_UP_SECONDS * 1000);
  const began = performance.now();
  const count = await runFor(seconds * 1000);
  const rate = count / ((performance.now() - began) / 1000);
  for (const connection of open) connection.close();
  return { rate, count: before + count };
}

function stepOf({ method, path, headers }: RepeatedRequest): Step {
  const bytes = Buffer.from(`${method} ${path} HTTP/1.1\r\n${headers}\r\n`);
  return async (connection) => {
    const { status, head } = await connection.request(bytes, method === "HEAD");
    if (status !== 200) throw new Error(`${path} answered ${head}`);
  };
}

async function measureWithWrk(
  wrk: string,
  { path, headers }: RepeatedRequest,
  port: number,
  { connections, seconds }: Load,
): Promise<Measured> {
  const lines = headers.split("\r\n").filter((line) => line !== "");
  const options = ["-t1", `-c${connections}`, "--timeout", "60s", ...lines.flatMap((line) => ["-H", line])];
  const run = async (duration: number) => {
    const command = [wrk, ...options, `-d${duration}s`, `http://127.0.0.1:${port}${path}`];
    const report = await Bun.$`${command}`.text();
    const fault = report.match(/(Non-2xx|Socket errors).*/)?.[0];
    if (fault) throw new Error(`${path}: ${fault}`);
    const number = (pattern: RegExp) => Number(report.match(pattern)?.[1]);
    return { rate: number(/Requests\/sec: +([\d.]+)/), count: number(/(\d+) requests in/) };
  };
  const before = await run(WARM_UP_SECONDS);
  const { rate, count } = await run(seconds);
  return { rate, count: before.count + count };
}
