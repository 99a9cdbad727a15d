import type { Architecture } from "../compile.ts";
import { DEBIAN, type DebianPackage } from "./debian-package.ts";
import type { TarEntry } from "./tar.ts";

/** The user and group of the server in the image, the number that images without a root user have by custom. */
export const IMAGE_USER = 65_532;
export const IMAGE_DATA = "/data";

/** The libraries that the executable names, and the loader that finds them. */
const LIBRARIES = ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2"] as const;

const LOADERS = {
  amd64: { triplet: "x86_64-linux-gnu", file: "ld-linux-x86-64.so.2", folder: "lib64" },
  arm64: { triplet: "aarch64-linux-gnu", file: "ld-linux-aarch64.so.1", folder: "lib" },
} as const satisfies Record<Architecture, { triplet: string; file: string; folder: string }>;

/** Everything in the image but the executable. It changes only with Debian's library, so releases share it. */
export function runtimeFiles(architecture: Architecture, libc: DebianPackage): TarEntry[] {
  const { triplet, file: loader, folder } = LOADERS[architecture];
  const libraries = `usr/lib/${triplet}`;
  const directory = (path: string, mode = 0o755, owner = 0): TarEntry => ({ path: `${path}/`, mode, owner });
  const text = (path: string, content: string): TarEntry => ({
    path,
    mode: 0o644,
    owner: 0,
    content: Buffer.from(content),
  });
  const link = (path: string, target: string): TarEntry => ({ path, mode: 0o777, owner: 0, link: target });
  const fromPackage = (path: string, mode: number): TarEntry => ({
    path,
    mode,
    owner: 0,
    content: libc.read(path),
  });
  return [
    ...["etc", "usr", "usr/bin", "usr/lib", libraries].map((path) => directory(path)),
    ...["usr/share", "usr/share/doc", "usr/share/doc/libc6"].map((path) => directory(path)),
    ...["var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/status.d"].map((path) => directory(path)),
    directory("tmp", 0o1777),
    directory(IMAGE_DATA.slice(1), 0o700, IMAGE_USER),
    ...LIBRARIES.map((name) => fromPackage(`${libraries}/${name}`, 0o644)),
    fromPackage(`${libraries}/${loader}`, 0o755),
    link("lib", "usr/lib"),
    // The executable names the loader by this path.
    ...(folder === "lib"
      ? [link(`usr/lib/${loader}`, `${triplet}/${loader}`)]
      : [
          directory(`usr/${folder}`),
          link(folder, `usr/${folder}`),
          link(`usr/${folder}/${loader}`, `../lib/${triplet}/${loader}`),
        ]),
    fromPackage("usr/share/doc/libc6/copyright", 0o644),
    // Scanners for vulnerabilities read these two.
    text("var/lib/dpkg/status.d/libc6", libc.control),
    text(
      "etc/os-release",
      `ID=debian\nVERSION_ID="${DEBIAN.version}"\nVERSION_CODENAME=${DEBIAN.name}\n` +
        `NAME="Debian GNU/Linux"\nPRETTY_NAME="Everlock on the C library of Debian ${DEBIAN.version}"\n`,
    ),
    text(
      "etc/passwd",
      `root:x:0:0:root:/:/sbin/nologin\neverlock:x:${IMAGE_USER}:${IMAGE_USER}:Everlock:${IMAGE_DATA}:/sbin/nologin\n`,
    ),
    text("etc/group", `root:x:0:\neverlock:x:${IMAGE_USER}:\n`),
    text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
  ];
}
