import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { afterThisTest } from "./cleanup.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { must } from "./tools.ts";

/** Starts nginx with these `server` blocks, given the ports that they listen on; stopped after the test. */
export async function startNginx(
  count: number,
  servers: (ports: readonly number[]) => string,
): Promise<readonly number[]> {
  const dir = temporaryDirectory();
  const ports = Array.from({ length: count }, freePort);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  writeFileSync(
    `${dir}/nginx.conf`,
    `daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/log;
     events {}
     http {
       access_log off;
       ${temporary.map((name) => `${name}_temp_path ${dir}/${name};`).join(" ")}
       ${servers(ports)}
     }`,
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
