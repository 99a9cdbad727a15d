import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { ARCHITECTURES, type Architecture, compileForLinux } from "../compile.ts";
import { DIST, RELEASE, ROOT, reportBuilt } from "../release.ts";
import { DEBIAN, DebianArchive, type DebianPackage } from "./debian-package.ts";
import { type Descriptor, type Layer, MEDIA_TYPES, OciLayout, writeArchive } from "./oci-layout.ts";
import { IMAGE_DATA, IMAGE_USER, runtimeFiles } from "./runtime.ts";

const EXECUTABLE = "/usr/bin/everlock";

interface Image extends Descriptor {
  readonly platform: { readonly os: "linux"; readonly architecture: Architecture };
  readonly config: Descriptor;
  readonly layers: readonly Layer[];
}

/**
 * Writes the container image for all architectures: an OCI layout in `<out>/image`, and an archive of each architecture for
 * `docker load` and `podman load`.
 */
export async function buildImage(
  out: string = DIST,
  executableFor: (architecture: Architecture) => Promise<string> = compileForLinux,
): Promise<void> {
  const dir = `${out}/image`;
  const layout = new OciLayout(dir);
  const work = mkdtempSync(`${tmpdir()}/everlock-image-`);
  try {
    const debian = new DebianArchive(work);
    const images: Image[] = [];
    for (const architecture of ARCHITECTURES) {
      const libc = debian.package("libc6", architecture);
      images.push(imageFor(architecture, await executableFor(architecture), libc, layout));
    }
    const index = layout.putJson(MEDIA_TYPES.index, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.index,
      manifests: images.map(({ mediaType, digest, size, platform }) => ({
        mediaType,
        digest,
        size,
        platform,
      })),
      annotations: labels(),
    });
    layout.finish([{ ...index, name: RELEASE.version }]);
    reportBuilt(dir, index.digest);
    for (const { platform, config, layers } of images) {
      const archive = `${out}/everlock-image-${platform.architecture}.tar`;
      writeArchive(dir, archive, { config, layers, name: `everlock:${RELEASE.version}` });
      reportBuilt(archive);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function imageFor(
  architecture: Architecture,
  executable: string,
  libc: DebianPackage,
  layout: OciLayout,
): Image {
  const licence = "usr/share/doc/everlock";
  const layers = [
    // Its time is fixed, so that it stays the same layer until Debian's library changes.
    layout.putLayer(runtimeFiles(architecture, libc), 0),
    layout.putLayer(
      [
        { path: EXECUTABLE.slice(1), mode: 0o755, owner: 0, content: readFileSync(executable) },
        { path: `${licence}/`, mode: 0o755, owner: 0 },
        { path: `${licence}/LICENSE`, mode: 0o644, owner: 0, content: readFileSync(`${ROOT}/LICENSE`) },
      ],
      RELEASE.time,
    ),
  ];
  const platform = { os: "linux", architecture } as const;
  const created = new Date(RELEASE.time * 1000).toISOString();
  const config = layout.putJson(MEDIA_TYPES.config, {
    created,
    ...platform,
    config: runConfig(),
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: [
      { created, created_by: `libc6 ${libc.version} of Debian ${DEBIAN.version}` },
      { created, created_by: `everlock ${RELEASE.version} (commit ${RELEASE.commit})` },
    ],
  });
  const manifest = layout.putJson(MEDIA_TYPES.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config,
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    annotations: labels(),
  });
  return { ...manifest, platform, config, layers };
}

/** How a container runs. Settings are in the environment, so that 'everlock health' and other commands in it use them too. */
function runConfig(): object {
  const env = {
    PATH: "/usr/bin",
    EVERLOCK_DATA_DIR: IMAGE_DATA,
    EVERLOCK_FRONTEND_HTTP_LISTEN_HTTP: "0.0.0.0:8080",
    EVERLOCK_FRONTEND_SSH_LISTEN: "0.0.0.0:2222",
    // Metrics name repositories; only the container itself asks.
    EVERLOCK_FRONTEND_OPS_LISTEN: "127.0.0.1:9090",
  };
  const second = 1_000_000_000;
  return {
    User: `${IMAGE_USER}:${IMAGE_USER}`,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    Entrypoint: [EXECUTABLE],
    Cmd: ["serve"],
    WorkingDir: IMAGE_DATA,
    Volumes: { [IMAGE_DATA]: {} },
    ExposedPorts: { "8080/tcp": {}, "2222/tcp": {} },
    StopSignal: "SIGTERM",
    // docker's extension of the OCI configuration.
    Healthcheck: {
      Test: ["CMD", EXECUTABLE, "health"],
      Interval: 30 * second,
      Timeout: 10 * second,
      StartPeriod: 60 * second,
      Retries: 3,
    },
    Labels: labels(),
  };
}

/** https://github.com/opencontainers/image-spec/blob/main/annotations.md */
function labels(): Readonly<Record<string, string>> {
  const name = (key: string) => `org.opencontainers.image.${key}`;
  return {
    [name("title")]: "Everlock",
    [name("description")]: RELEASE.description,
    [name("version")]: RELEASE.version,
    [name("revision")]: RELEASE.commit,
    [name("created")]: new Date(RELEASE.time * 1000).toISOString(),
    [name("licenses")]: RELEASE.licence,
  };
}
