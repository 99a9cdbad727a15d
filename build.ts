/**
 * Compiles the executable: `bun build.ts` for this machine, `bun build.ts --all` for every platform. With `--image` it
 * writes a container image, with `--packages` packages for Debian and RPM.
 */
import { rmSync } from "node:fs";
import { compile, TARGETS } from "./packaging/compile.ts";
import { buildImage } from "./packaging/image/build-image.ts";
import { buildPackages } from "./packaging/packages/build-packages.ts";
import { DIST } from "./packaging/release.ts";

const MODES: Readonly<Record<string, () => Promise<void>>> = {
  "--all": compileAll,
  "--image": () => buildImage(),
  "--packages": () => buildPackages(),
};

async function compileAll(): Promise<void> {
  const sums: string[] = [];
  for (const target of TARGETS) {
    const name = `everlock-${target.slice("bun-".length)}${target.includes("windows") ? ".exe" : ""}`;
    await compile(`${DIST}/${name}`, target);
    const hash = new Bun.CryptoHasher("sha256").update(await Bun.file(`${DIST}/${name}`).arrayBuffer());
    sums.push(`${hash.digest("hex")}  ${name}\n`);
  }
  await Bun.write(`${DIST}/SHA256SUMS`, sums.join(""));
}

async function compileHere(): Promise<void> {
  rmSync(`${DIST}/everlock`, { force: true });
  await compile(`${DIST}/everlock`);
}

const [mode, ...rest] = process.argv.slice(2);
const work = mode === undefined ? compileHere : MODES[mode];
if (!work || rest.length > 0) {
  console.error(`use: bun build.ts [${Object.keys(MODES).join("|")}]`);
  process.exit(2);
}
await work();
