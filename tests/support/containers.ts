import { mkdirSync, writeFileSync } from "node:fs";
import { temporaryDirectory } from "./temporary-directory.ts";
import { must, type RunResult, run } from "./tools.ts";

/** podman, buildah and skopeo with isolated storage, logins and settings. */
export interface ContainerTools {
  must(tool: "podman" | "buildah" | "skopeo", ...args: string[]): Promise<string>;
  run(tool: "podman" | "buildah" | "skopeo", ...args: string[]): Promise<RunResult>;
}

export function containerTools(): ContainerTools {
  const dir = temporaryDirectory();
  mkdirSync(`${dir}/home`);
  writeFileSync(`${dir}/auth.json`, "{}");
  const env = { REGISTRY_AUTH_FILE: `${dir}/auth.json`, HOME: `${dir}/home`, XDG_RUNTIME_DIR: dir };
  const storage = ["--root", `${dir}/storage`, "--runroot", `${dir}/run`, "--storage-driver", "vfs"];
  const command = (tool: string, args: string[]) => [tool, ...(tool === "skopeo" ? [] : storage), ...args];
  return {
    must: (tool, ...args) => must(command(tool, args), { env }),
    run: (tool, ...args) => run(command(tool, args), { env }),
  };
}
