import { chmodSync, copyFileSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { RELEASE, ROOT, runTool } from "../release.ts";

/** A directory with the files of a package, as they lie below `/` once it is installed. */
export class PackageTree {
  readonly dir: string;
  readonly #paths: string[] = [];

  constructor(dir: string) {
    this.dir = dir;
    mkdirSync(dir, { recursive: true });
  }

  write(path: string, content: string | Uint8Array, mode = 0o644): void {
    const file = this.#place(path);
    writeFileSync(file, content);
    this.#finish(file, mode);
  }

  copy(path: string, from: string, mode = 0o644): void {
    const file = this.#place(path);
    copyFileSync(from, file);
    this.#finish(file, mode);
  }

  makeDirectory(path: string): void {
    mkdirSync(`${this.dir}/${path}`, { recursive: true, mode: 0o755 });
  }

  /** What both kinds of package install at the same place. */
  addProgram(executable: string): void {
    this.copy("usr/bin/everlock", executable, 0o755);
    this.copy("etc/everlock.toml", `${ROOT}/packaging/everlock.toml`);
    this.write("usr/lib/systemd/system/everlock.service", packagedUnit());
    this.write("usr/share/bash-completion/completions/everlock", completion("bash"));
    this.write("usr/share/fish/vendor_completions.d/everlock.fish", completion("fish"));
  }

  /** MD5 and path of each file, as `md5sum` prints them. */
  sums(): string {
    return this.#paths
      .map(
        (path) =>
          `${new Bun.CryptoHasher("md5").update(readFileSync(`${this.dir}/${path}`)).digest("hex")}  ${path}\n`,
      )
      .join("");
  }

  #place(path: string): string {
    this.#paths.push(path);
    const file = `${this.dir}/${path}`;
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    return file;
  }

  #finish(file: string, mode: number): void {
    chmodSync(file, mode);
    utimesSync(file, RELEASE.time, RELEASE.time);
  }
}

/**
 * The unit with a user of its own, to whom an administrator can give files and groups, and without a setting that would
 * override the configuration file.
 */
export function packagedUnit(): string {
  const changes: readonly (readonly [string, string])[] = [
    ["/usr/local/bin/everlock", "/usr/bin/everlock"],
    ["DynamicUser=yes\n", "User=everlock\nGroup=everlock\n"],
    ["Environment=EVERLOCK_DATA_DIR=/var/lib/everlock/data\n", ""],
  ];
  return changes.reduce(
    (unit, [from, to]) => {
      if (!unit.includes(from)) throw new Error(`packaging/everlock.service has no ${from}`);
      return unit.replace(from, to);
    },
    readFileSync(`${ROOT}/packaging/everlock.service`, "utf8"),
  );
}

/** From the source, because the executable may be one for another processor. */
export function completion(shell: "bash" | "zsh" | "fish"): string {
  return runTool([process.execPath, `${ROOT}/src/main.ts`, "completion", shell]);
}
