import { readFileSync } from "node:fs";
import { binary } from "./binary.ts";
import { RegistryClient } from "./registry-client.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { startTestServer } from "./test-server.ts";
import { run } from "./tools.ts";

export const everlock = (...args: string[]) => run([binary(), ...args], { cwd: temporaryDirectory() });
export const backUp = (dataDir: string, dir: string) => everlock("backup", dir, "--data-dir", dataDir);
export const restore = (dir: string, dataDir: string, ...flags: string[]) =>
  everlock("restore-backup", dir, "--data-dir", dataDir, ...flags);
export const serve = (dataDir: string) =>
  everlock("serve", "--data-dir", dataDir, "--no-frontend-http", "--frontend-ssh-listen", "127.0.0.1:0");
export const markerOf = (dir: string) => JSON.parse(readFileSync(`${dir}/everlock-backup.json`, "utf8"));
export const newDirectory = (name: string) => `${temporaryDirectory()}/${name}`;

/** Every image of a data directory, pulled from a server on it. */
export async function pullAll(dataDir: string, images: number): Promise<void> {
  const { httpPort, server } = await startTestServer(["--data-dir", dataDir]);
  const client = new RegistryClient(httpPort, "app");
  for (let i = 0; i < images; i++) await client.verifyImage(`v${i}`);
  await server.stop();
}
