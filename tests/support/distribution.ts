import { writeFileSync } from "node:fs";
import { afterThisTest } from "./cleanup.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

export interface Distribution {
  /** `localhost:<port>`. */
  readonly registry: string;
  readonly url: string;
  stop(): Promise<void>;
}

export interface DistributionUser {
  readonly name: string;
  readonly password: string;
}

/** The registry of the distribution project, empty, over HTTP, for this user alone if given; stopped after the test. */
export async function startDistribution(user?: DistributionUser): Promise<Distribution> {
  const dir = temporaryDirectory();
  const port = freePort();
  const config = {
    version: 0.1,
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: `${dir}/data` }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
    ...(user && { auth: { htpasswd: { realm: "registry", path: `${dir}/htpasswd` } } }),
  };
  if (user) {
    const hash = await Bun.password.hash(user.password, { algorithm: "bcrypt", cost: 4 });
    writeFileSync(`${dir}/htpasswd`, `${user.name}:${hash}\n`);
  }
  writeFileSync(`${dir}/config.yml`, JSON.stringify(config));
  const child = Bun.spawn(["registry", "serve", `${dir}/config.yml`], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  afterThisTest(stop);
  const url = `http://127.0.0.1:${port}`;
  const answers = () =>
    fetch(`${url}/v2/`).then(
      ({ ok, status }) => ok || status === 401,
      () => false,
    );
  if (!(await eventually(answers))) throw new Error("distribution does not answer");
  return { registry: `localhost:${port}`, url, stop };
}
