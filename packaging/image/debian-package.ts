import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { ARCHITECTURES, type Architecture } from "../compile.ts";
import { runTool } from "../release.ts";

/** The release of Debian whose C library the image has; its security updates are included. */
export const DEBIAN = { name: "trixie", version: "13" } as const;

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** A package of Debian, unpacked. */
export interface DebianPackage {
  readonly version: string;
  /** The fields that dpkg lists an installed package with. */
  readonly control: string;
  /** Reads a file by its path in the package. */
  read(path: string): Uint8Array;
}

/**
 * Packages of Debian for all architectures. apt checks their signatures. The machine's own list of packages is neither read
 * nor changed.
 */
export class DebianArchive {
  readonly #dir: string;

  /** Downloads the list of packages to the empty directory `dir`. */
  constructor(dir: string) {
    this.#dir = dir;
    for (const part of ["lists/partial", "archives/partial"])
      mkdirSync(`${dir}/${part}`, { recursive: true });
    writeFileSync(`${dir}/status`, "");
    const source = (host: string, suite: string) => `deb [signed-by=${KEYRING}] ${host} ${suite} main\n`;
    writeFileSync(
      `${dir}/sources.list`,
      source("http://deb.debian.org/debian", DEBIAN.name) +
        source("http://deb.debian.org/debian-security", `${DEBIAN.name}-security`),
    );
    this.#apt("update");
  }

  /** Downloads and unpacks the newest version. */
  package(name: string, architecture: Architecture): DebianPackage {
    this.#apt("download", `${name}:${architecture}`);
    const archive = readdirSync(this.#dir).find(
      (file) => file.startsWith(`${name}_`) && file.endsWith(`_${architecture}.deb`),
    );
    if (!archive) throw new Error(`apt-get downloaded no package ${name} for ${architecture}`);
    const [path, files] = [`${this.#dir}/${archive}`, `${this.#dir}/${name}-${architecture}`];
    runTool(["dpkg-deb", "--extract", path, files]);
    return {
      version: runTool(["dpkg-deb", "--field", path, "Version"]).trim(),
      control: runTool(["dpkg-deb", "--field", path]),
      read: (file) => readFileSync(`${files}/${file}`),
    };
  }

  #apt(...args: string[]): void {
    const dir = this.#dir;
    const options = {
      "APT::Architectures": ARCHITECTURES.join(","),
      "APT::Sandbox::User": "",
      "Acquire::Languages": "none",
      "Dir::State": dir,
      "Dir::State::Lists": `${dir}/lists`,
      "Dir::State::status": `${dir}/status`,
      "Dir::Cache": dir,
      "Dir::Etc::sourcelist": `${dir}/sources.list`,
      "Dir::Etc::sourceparts": "/dev/null",
      "Dir::Etc::preferencesparts": "/dev/null",
    };
    const flags = Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
    runTool(["apt-get", "-qq", ...flags, ...args], { cwd: dir });
  }
}
