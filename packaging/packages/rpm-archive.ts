import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Architecture } from "../compile.ts";
import { RELEASE, ROOT, runTool } from "../release.ts";
import { completion, PackageTree } from "./package-tree.ts";

const MACHINES = { amd64: "x86_64", arm64: "aarch64" } as const satisfies Record<Architecture, string>;

/** Builds `everlock-<version>-1.<machine>.rpm` in `out`, and returns its path. */
export function buildRpm(
  architecture: Architecture,
  executable: string,
  version: string,
  { out, work }: { out: string; work: string },
): string {
  const machine = MACHINES[architecture];
  const tree = new PackageTree(`${work}/rpm-${machine}`);
  tree.addProgram(executable);
  tree.write("usr/share/zsh/site-functions/_everlock", completion("zsh"));
  tree.copy("usr/share/licenses/everlock/LICENSE", `${ROOT}/LICENSE`);
  tree.makeDirectory("var/lib/everlock");

  const spec = `${work}/everlock-${machine}.spec`;
  writeFileSync(
    spec,
    filled(readFileSync(`${ROOT}/packaging/packages/everlock.spec`, "utf8"), {
      VERSION: version,
      SUMMARY: "OCI container registry where every change is a commit",
      LICENCE: RELEASE.licence,
      DESCRIPTION: RELEASE.longDescription.join("\n"),
      TREE: tree.dir,
    }),
  );
  const top = `${work}/rpmbuild-${machine}`;
  runTool(["rpmbuild", "-bb", "--quiet", "--target", machine, "--define", `_topdir ${top}`, spec], {
    env: { SOURCE_DATE_EPOCH: String(RELEASE.time) },
  });
  const [name = ""] = readdirSync(`${top}/RPMS/${machine}`);
  const file = `${out}/${name}`;
  runTool(["mv", `${top}/RPMS/${machine}/${name}`, file]);
  return file;
}

/** Replaces each `@NAME@`. */
function filled(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/@([A-Z]+)@/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`everlock.spec has an unknown @${name}@`);
    return value;
  });
}
