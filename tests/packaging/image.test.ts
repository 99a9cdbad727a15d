import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { ARCHITECTURES, type Architecture, compileForLinux } from "../../packaging/compile.ts";
import { buildImage } from "../../packaging/image/build-image.ts";
import { RELEASE } from "../../packaging/release.ts";
import { digestOf } from "../../src/primitives/digest.ts";
import { binary } from "../support/binary.ts";
import { containerTools } from "../support/containers.ts";
import { withDocker } from "../support/docker.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_PASSWORD, addAlice, sshRun, startEverlock } from "../support/everlock.ts";
import { freePort } from "../support/free-port.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { describeWith, must, run } from "../support/tools.ts";

const MINUTE_MS = 60_000;
const NAME = `everlock:${RELEASE.version}`;

interface Described {
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string };
}

describeWith(
  ["apt-get", "dpkg-deb", "tar", "readelf", "podman", "skopeo", "ssh", "sshpass", "docker", "dockerd"],
  "the container image",
  () => {
    const out = mkdtempSync(`${tmpdir()}/everlock-`);
    const layout = `${out}/image`;
    const executables = new Map<Architecture, string>();
    const native: Architecture = process.arch === "arm64" ? "arm64" : "amd64";

    beforeAll(async () => {
      await buildImage(out, async (architecture) => {
        const path = architecture === native ? binary() : await compileForLinux(architecture);
        executables.set(architecture, path);
        return path;
      });
    }, 2 * MINUTE_MS);
    afterAll(() => rmSync(out, { recursive: true, force: true }));

    const blob = (digest: string) => readFileSync(`${layout}/blobs/sha256/${digest.slice("sha256:".length)}`);
    const json = (digest: string) => JSON.parse(blob(digest).toString());
    const index = (): { manifests: Described[] } => {
      const { manifests } = JSON.parse(readFileSync(`${layout}/index.json`, "utf8"));
      expect(manifests).toHaveLength(1);
      return json(manifests[0].digest);
    };

    test("is an index of both architectures, whose blobs have the digests and sizes that they are named with", () => {
      const names = readdirSync(`${layout}/blobs/sha256`);
      expect(names.map((name) => String(digestOf(blob(`sha256:${name}`))))).toEqual(
        names.map((name) => `sha256:${name}`),
      );
      const { manifests } = index();
      expect(manifests.map(({ platform }) => platform?.architecture)).toEqual([...ARCHITECTURES]);
      for (const { digest } of manifests) {
        const manifest: { config: Described; layers: Described[] } = json(digest);
        for (const { digest, size } of [manifest.config, ...manifest.layers])
          expect(blob(digest).length).toBe(size);
        const { config, rootfs } = json(manifest.config.digest);
        expect(rootfs.diff_ids).toEqual(
          manifest.layers.map(({ digest }) => digestOf(Bun.gunzipSync(blob(digest)))),
        );
        expect([config.User, config.Entrypoint, config.Cmd]).toEqual([
          "65532:65532",
          ["/usr/bin/everlock"],
          ["serve"],
        ]);
        expect(config.Healthcheck.Test).toEqual(["CMD", "/usr/bin/everlock", "health"]);
        // Beside the executable, the image is small.
        expect(manifest.layers[0]?.size).toBeLessThan(2_000_000);
      }
    });

    test.each([...ARCHITECTURES])(
      "has the loader and every library that the executable for %s names",
      async (architecture) => {
        const root = `${out}/root-${architecture}`;
        mkdirSync(root);
        const { digest = "" } =
          index().manifests.find(({ platform }) => platform?.architecture === architecture) ?? {};
        const manifest: { layers: Described[] } = json(digest);
        await must(["tar", "--extract", "--gzip", "--directory", root, "--file", "-"], {
          stdin: blob(manifest.layers[0]?.digest ?? ""),
        });
        const executable = executables.get(architecture) ?? "";
        const elf = await must(["readelf", "--wide", "--program-headers", "--dynamic", executable]);
        const [, loader = ""] = elf.match(/interpreter: (.+)\]/) ?? [];
        expect(statSync(`${root}${loader}`).size).toBeGreaterThan(100_000);
        const needed = [...elf.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name = ""]) => name);
        expect(needed.length).toBeGreaterThan(3);
        const folder = `${root}/usr/lib/${architecture === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
        expect(needed.filter((name) => !existsSync(`${folder}/${name}`))).toEqual([]);
        expect(statSync(`${root}/data`)).toMatchObject({ uid: 65_532, gid: 65_532 });
      },
    );

    test(
      "is pulled from Everlock by podman, runs without a writable root, serves, is healthy and stops on SIGTERM",
      async () => {
        const server = await startEverlock();
        await addAlice(server);
        const image = `${server.registry}/everlock:${RELEASE.version}`;
        const podman = containerTools();
        const noTls = "--tls-verify=false";
        await podman.must(
          "skopeo",
          "copy",
          "-q",
          "--all",
          "--dest-tls-verify=false",
          "--dest-creds=alice:change-me",
          `oci:${layout}`,
          `docker://${image}`,
        );
        await podman.must("podman", "pull", "-q", noTls, "--creds=alice:change-me", image);

        const ports = { http: freePort(), ssh: freePort(), ops: freePort() };
        const volume = `${out}/volume`;
        mkdirSync(volume);
        await must(["chown", "65532:65532", volume]);
        const container = podman.start(
          ...["--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--volume", `${volume}:/data`],
          ...["--env", `EVERLOCK_FRONTEND_HTTP_LISTEN_HTTP=127.0.0.1:${ports.http}`],
          ...["--env", `EVERLOCK_FRONTEND_SSH_LISTEN=127.0.0.1:${ports.ssh}`],
          ...["--env", `EVERLOCK_FRONTEND_OPS_LISTEN=127.0.0.1:${ports.ops}`],
          ...["--env", `EVERLOCK_ADMIN_PASSWORD=${ADMIN_PASSWORD}`],
          image,
        );
        const health = () => run([binary(), "health", "--frontend-ops-listen", `127.0.0.1:${ports.ops}`]);
        const isHealthy = await eventually(async () => (await health()).code === 0);
        if (!isHealthy) throw new Error(await new Response(container.podman.stderr).text());
        expect((await container.exec("everlock", "health")).stdout).toBe(
          `ready: http://127.0.0.1:${ports.ops}/readyz returned 200\n`,
        );

        const script = "/users add alice change-me\n/users grant alice http/oci/default writer\n";
        expect((await sshRun(ports.ssh, "admin", ADMIN_PASSWORD, undefined, script)).code).toBe(0);
        const pushed = `docker://localhost:${ports.http}/app:v1`;
        await podman.must(
          "skopeo",
          "copy",
          "-q",
          "--dest-tls-verify=false",
          "--dest-creds=alice:change-me",
          `oci:${makeLayout().dir}:image`,
          pushed,
        );
        await podman.must(
          "skopeo",
          "copy",
          "-q",
          "--src-tls-verify=false",
          "--src-creds=alice:change-me",
          pushed,
          `dir:${out}/pulled`,
        );

        container.podman.kill("SIGTERM");
        expect(await container.podman.exited).toBe(0);
        expect(await new Response(container.podman.stdout).text()).toEndWith("Stopped\n");
        const log = await must([
          "git",
          "-c",
          "safe.directory=*",
          "-C",
          `${volume}/everlock-oci-local`,
          "log",
          "--format=%s",
        ]);
        expect(log).toBe("push app:v1\n");
      },
      MINUTE_MS,
    );

    test(
      "is loaded, run, found healthy and stopped by docker",
      async () => {
        await withDocker(async (docker) => {
          const archive = `${out}/everlock-image-${native}.tar`;
          expect(await must(docker("load", "--quiet", "--input", archive))).toContain(NAME);
          expect(
            await must(docker("inspect", "--format", "{{json .Config.Healthcheck.Test}}", NAME)),
          ).toContain('"health"');
          if (!canRunContainersOfDocker()) return;
          const [http, ssh, ops] = [freePort(), freePort(), freePort()];
          const name = "everlock";
          await must(
            docker(
              ...[
                "run",
                "--detach",
                "--name",
                name,
                "--network",
                "host",
                "--read-only",
                "--health-interval",
                "200ms",
              ],
              ...["--env", `EVERLOCK_FRONTEND_HTTP_LISTEN_HTTP=127.0.0.1:${http}`],
              ...["--env", `EVERLOCK_FRONTEND_SSH_LISTEN=127.0.0.1:${ssh}`],
              ...["--env", `EVERLOCK_FRONTEND_OPS_LISTEN=127.0.0.1:${ops}`],
              NAME,
            ),
          );
          const state = (what: string) => must(docker("inspect", "--format", `{{.State.${what}}}`, name));
          expect(await eventually(async () => (await state("Health.Status")) === "healthy\n")).toBe(true);
          await must(docker("stop", name));
          expect(await state("ExitCode")).toBe("0\n");
          expect(await must(docker("logs", name))).toEndWith("Stopped\n");
        });
      },
      MINUTE_MS,
    );
  },
);

/** Not below a cgroup of the second version that has processes of its own, as in the container of a CI. */
function canRunContainersOfDocker(): boolean {
  return !existsSync("/sys/fs/cgroup/cgroup.type");
}
