import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { afterThisTest } from "./cleanup.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { must, STREAM_MODULE } from "./tools.ts";

/** Tests open thousands at once. */
const CONNECTIONS = 8192;

type Blocks = (ports: readonly number[]) => string;

/**
 * Starts nginx with these `server` blocks for HTTP, and for TCP (`stream`), given the ports that they listen on; stopped after
 * the test.
 */
export async function startNginx(
  count: number,
  { http, stream }: { readonly http: Blocks; readonly stream?: Blocks },
): Promise<readonly number[]> {
  const dir = temporaryDirectory();
  const ports = Array.from({ length: count }, freePort);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  writeFileSync(
    `${dir}/nginx.conf`,
    `${stream ? `load_module ${STREAM_MODULE};` : ""}
     daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/log;
     worker_rlimit_nofile ${CONNECTIONS * 2};
     events { worker_connections ${CONNECTIONS}; }
     http {
       access_log off;
       ${temporary.map((name) => `${name}_temp_path ${dir}/${name};`).join(" ")}
       ${http(ports)}
     }
     ${stream ? `stream { ${stream(ports)} }` : ""}`,
  );
  const command = ["nginx", "-p", dir, "-c", `${dir}/nginx.conf`, "-e", `${dir}/log`];
  await must([...command, "-t"]);
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  afterThisTest(async () => {
    child.kill("SIGKILL");
    await child.exited;
  });
  const isListening = await eventually(async () => (await Promise.all(ports.map(accepts))).every(Boolean));
  if (!isListening) throw new Error(`nginx does not listen: ${await Bun.file(`${dir}/log`).text()}`);
  return ports;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
