import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { ARCHITECTURES, type Architecture, compileForLinux } from "../compile.ts";
import { DIST, RELEASE, reportBuilt } from "../release.ts";
import { buildDeb } from "./debian-archive.ts";
import { buildRpm } from "./rpm-archive.ts";

/** Builds the packages for Debian and RPM of all architectures in `dist/`. */
export async function buildPackages(
  out: string = DIST,
  executableFor: (architecture: Architecture) => Promise<string> = compileForLinux,
  version: string = RELEASE.version,
): Promise<void> {
  mkdirSync(out, { recursive: true });
  const work = mkdtempSync(`${tmpdir()}/everlock-packages-`);
  try {
    for (const architecture of ARCHITECTURES) {
      const executable = await executableFor(architecture);
      for (const build of [buildDeb, buildRpm])
        reportBuilt(build(architecture, executable, version, { out, work }));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
