import { mkdirSync, writeFileSync } from "node:fs";
import { containerTools } from "./containers.ts";
import { withDocker } from "./docker.ts";
import { makeLayout, tarOf } from "./oci-layout.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { must, type RunResult, run } from "./tools.ts";

/** A real client with isolated logins and storage, which pushes and pulls its own kind of artifact. */
export interface RegistryTool {
  login(password: string): Promise<RunResult>;
  logout(): Promise<RunResult>;
  /** Pushes a new artifact. */
  push(image: string): Promise<RunResult>;
  /** Pulls the whole artifact. */
  pull(image: string): Promise<RunResult>;
  delete?(image: string): Promise<RunResult>;
}

export interface RegistryToolKind {
  readonly name: string;
  /** Required programs. */
  readonly needs: readonly string[];
  /** Runs `work` with a new client of `registry`, as alice once it is logged in. */
  use(registry: string, work: (tool: RegistryTool) => Promise<void>): Promise<void>;
}

const plain = (work: (registry: string) => Promise<RegistryTool>): RegistryToolKind["use"] => {
  return async (registry, test) => test(await work(registry));
};

/** A unique file, to push as a layer. */
function newFile(name: string): { dir: string; path: string } {
  const dir = temporaryDirectory();
  writeFileSync(`${dir}/${name}`, crypto.randomUUID());
  return { dir, path: `${dir}/${name}` };
}

export const REGISTRY_TOOLS: readonly RegistryToolKind[] = [
  {
    name: "podman",
    needs: ["podman"],
    use: plain(async (registry) => {
      const { run, must } = containerTools();
      const podman = (...args: string[]) => run("podman", ...args);
      const insecure = "--tls-verify=false";
      return {
        login: (password) => podman("login", insecure, "-u", "alice", "-p", password, registry),
        logout: () => podman("logout", registry),
        async push(image) {
          const layout = makeLayout({ layers: 3 });
          const id = (await must("podman", "pull", "-q", `oci:${layout.dir}:image`)).trim();
          return podman("push", "-q", insecure, id, image);
        },
        pull: (image) => podman("pull", "-q", insecure, image),
      };
    }),
  },
  {
    name: "skopeo",
    needs: ["skopeo"],
    use: plain(async (registry) => {
      const { run } = containerTools();
      const skopeo = (...args: string[]) => run("skopeo", ...args);
      return {
        login: (password) => skopeo("login", "--tls-verify=false", "-u", "alice", "-p", password, registry),
        logout: () => skopeo("logout", registry),
        push: (image) =>
          skopeo(
            "copy",
            "-q",
            "--dest-tls-verify=false",
            `oci:${makeLayout({ layers: 8 }).dir}:image`,
            `docker://${image}`,
          ),
        pull: (image) =>
          skopeo("copy", "-q", "--src-tls-verify=false", `docker://${image}`, `dir:${temporaryDirectory()}`),
        delete: (image) => skopeo("delete", "--tls-verify=false", `docker://${image}`),
      };
    }),
  },
  {
    name: "buildah",
    needs: ["buildah"],
    use: plain(async (registry) => {
      const { run, must } = containerTools();
      const buildah = (...args: string[]) => run("buildah", ...args);
      return {
        login: (password) => buildah("login", "--tls-verify=false", "-u", "alice", "-p", password, registry),
        logout: () => buildah("logout", registry),
        async push(image) {
          const layout = makeLayout();
          const id = (await must("buildah", "pull", "-q", `oci:${layout.dir}:image`)).trim();
          return buildah("push", "-q", "--tls-verify=false", id, `docker://${image}`);
        },
        pull: (image) => buildah("pull", "-q", "--policy", "always", "--tls-verify=false", image),
      };
    }),
  },
  {
    name: "docker",
    needs: ["docker", "dockerd"],
    use: (registry, work) =>
      withDocker((docker) =>
        work({
          login: (password) =>
            run(docker("login", "-u", "alice", "--password-stdin", registry), { stdin: password }),
          logout: () => run(docker("logout", registry)),
          async push(image) {
            await must(docker("import", "-", image), {
              stdin: tarOf("file", Buffer.from(crypto.randomUUID())),
            });
            const pushed = await run(docker("push", "-q", image));
            await must(docker("rmi", image));
            return pushed;
          },
          pull: (image) => run(docker("pull", "-q", image)),
        }),
      ),
  },
  {
    name: "crane",
    needs: ["crane"],
    use: plain(async (registry) => {
      const env = { DOCKER_CONFIG: temporaryDirectory() };
      const crane = (...args: string[]) => run(["crane", ...args], { env });
      return {
        login: (password) => crane("auth", "login", registry, "-u", "alice", "-p", password),
        // This only stores the login; the next command checks the password.
        logout: () => crane("auth", "logout", registry),
        push(image) {
          const { path } = newFile("layer.tar");
          writeFileSync(path, tarOf("file", Buffer.from(crypto.randomUUID())));
          return crane("append", "-f", path, "-t", image);
        },
        pull: (image) => crane("pull", image, `${temporaryDirectory()}/image.tar`),
        delete: (image) => crane("delete", image),
      };
    }),
  },
  {
    name: "regctl",
    needs: ["regctl"],
    use: plain(async (registry) => {
      const env = { REGCTL_CONFIG: `${temporaryDirectory()}/regctl.json`, HOME: temporaryDirectory() };
      const regctl = (...args: string[]) => run(["regctl", "-v", "error", ...args], { env });
      await regctl("registry", "set", "--tls", "disabled", registry);
      return {
        login: (password) => regctl("registry", "login", registry, "-u", "alice", "-p", password),
        logout: () => regctl("registry", "logout", registry),
        push: (image) => regctl("image", "copy", `ocidir://${makeLayout({ layers: 4 }).dir}:image`, image),
        pull: (image) => regctl("image", "export", image, `${temporaryDirectory()}/image.tar`),
        delete: (image) => regctl("tag", "delete", image),
      };
    }),
  },
  {
    name: "oras",
    needs: ["oras"],
    use: plain(async (registry) => {
      const env = { DOCKER_CONFIG: temporaryDirectory() };
      const oras = (...args: string[]) => run(["oras", ...args], { env });
      const http = "--plain-http";
      return {
        login: (password) => oras("login", http, registry, "-u", "alice", "-p", password),
        logout: () => oras("logout", registry),
        push(image) {
          const { dir } = newFile("artifact.txt");
          return run(["oras", "push", http, image, "artifact.txt:text/plain"], { env, cwd: dir });
        },
        pull: (image) => oras("pull", http, "-o", temporaryDirectory(), image),
        delete: (image) => oras("manifest", "delete", http, "-f", image),
      };
    }),
  },
  {
    name: "helm",
    needs: ["helm"],
    use: plain(async (registry) => {
      const home = temporaryDirectory();
      const env = { HOME: home, HELM_REGISTRY_CONFIG: `${home}/registry.json` };
      const helm = (...args: string[]) => run(["helm", ...args], { env, cwd: home });
      const chart = (image: string) => image.slice(image.lastIndexOf("/") + 1, image.lastIndexOf(":"));
      const [http, version] = ["--plain-http", (image: string) => `1.0.0-${image.split(":").at(-1)}`];
      return {
        login: (password) => helm("registry", "login", http, registry, "-u", "alice", "-p", password),
        logout: () => helm("registry", "logout", registry),
        async push(image) {
          mkdirSync(`${home}/${chart(image)}`, { recursive: true });
          const yaml = `apiVersion: v2\nname: ${chart(image)}\nversion: ${version(image)}\n`;
          writeFileSync(`${home}/${chart(image)}/Chart.yaml`, yaml);
          await must(["helm", "package", `${home}/${chart(image)}`], { env, cwd: home });
          const target = `oci://${image.slice(0, image.lastIndexOf("/"))}`;
          return helm("push", http, `${chart(image)}-${version(image)}.tgz`, target);
        },
        pull: (image) =>
          helm(
            "pull",
            http,
            `oci://${image.slice(0, image.lastIndexOf(":"))}`,
            "--version",
            version(image),
            "-d",
            temporaryDirectory(),
          ),
      };
    }),
  },
];
