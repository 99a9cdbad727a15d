import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Architecture } from "../compile.ts";
import { RELEASE, ROOT, runTool } from "../release.ts";
import { completion, PackageTree } from "./package-tree.ts";

/** Builds `everlock_<version>_<architecture>.deb` in `out`, and returns its path. */
export function buildDeb(
  architecture: Architecture,
  executable: string,
  version: string,
  { out, work }: { out: string; work: string },
): string {
  const tree = new PackageTree(`${work}/deb-${architecture}`);
  tree.addProgram(executable);
  tree.write("usr/share/zsh/vendor-completions/_everlock", completion("zsh"));
  tree.write("usr/share/doc/everlock/copyright", copyright());
  tree.write("usr/share/doc/everlock/changelog.gz", gzipped(changelog(version)));
  tree.write("usr/share/doc/everlock/CHANGELOG.md.gz", gzipped(readFileSync(`${ROOT}/CHANGELOG.md`)));
  tree.write("usr/share/lintian/overrides/everlock", LINTIAN_OVERRIDES);

  const control = `${tree.dir}/DEBIAN`;
  mkdirSync(control, { mode: 0o755 });
  writeFileSync(`${control}/md5sums`, tree.sums());
  writeFileSync(`${control}/conffiles`, "/etc/everlock.toml\n");
  writeFileSync(`${control}/control`, controlFile(architecture, version));
  for (const script of ["postinst", "prerm", "postrm"]) {
    writeFileSync(`${control}/${script}`, readFileSync(`${ROOT}/packaging/packages/debian/${script}`));
    chmodSync(`${control}/${script}`, 0o755);
  }
  const file = `${out}/everlock_${version}_${architecture}.deb`;
  // Debian 12 and Ubuntu 22.04 read zstd, and it takes a tenth of the time of xz.
  runTool(["dpkg-deb", "--root-owner-group", "-Zzstd", "-z6", "--build", tree.dir, file], {
    env: { SOURCE_DATE_EPOCH: String(RELEASE.time) },
  });
  return file;
}

const LINTIAN_OVERRIDES = `# The program follows the runtime in the executable; a strip would cut it off.
everlock: unstripped-binary-or-object [usr/bin/everlock]
# Debian 12 and Ubuntu 22.04 read it.
everlock: malformed-deb-archive *
# The runtime is Bun, as it is released.
everlock: embedded-library * [usr/bin/everlock]
everlock: hardening-no-pie [usr/bin/everlock]
everlock: hardening-no-relro [usr/bin/everlock]
`;

function gzipped(content: string | Uint8Array<ArrayBuffer>): Uint8Array {
  return Bun.gzipSync(content, { level: 9 });
}

/** Of the package; https://www.debian.org/doc/debian-policy/ch-source.html#debian-changelog-debian-changelog */
function changelog(version: string): string {
  const date = new Date(RELEASE.time * 1000).toUTCString().replace("GMT", "+0000");
  const text = "  * The changes of Everlock are in CHANGELOG.md.gz.";
  return `everlock (${version}) unstable; urgency=medium\n\n${text}\n\n -- ${RELEASE.maintainer}  ${date}\n`;
}

function controlFile(architecture: Architecture, version: string): string {
  return `Package: everlock
Version: ${version}
Architecture: ${architecture}
Maintainer: ${RELEASE.maintainer}
Depends: libc6 (>= 2.17), adduser
Suggests: git
Section: net
Priority: optional
Description: OCI container registry where every change is a commit
${RELEASE.longDescription.map((line) => ` ${line}\n`).join("")}`;
}

/** https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/ */
function copyright(): string {
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: everlock

Files: *
Copyright: 2026 The authors of Everlock
License: ${RELEASE.licence}
 On Debian systems, the text of the Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0.
`;
}
