/** Compiles the executable: `bun build.ts` for this machine, `bun build.ts --all` for every platform. */
import { rmSync } from "node:fs";

const TARGETS = [
  "bun-linux-x64",
  "bun-linux-arm64",
  "bun-linux-x64-musl",
  "bun-linux-arm64-musl",
  "bun-darwin-arm64",
  "bun-windows-x64",
] as const satisfies Bun.Build.CompileTarget[];

const OUT = "dist";

async function compile(outfile: string, target?: (typeof TARGETS)[number]): Promise<void> {
  await Bun.build({
    // Threads start from files of their own.
    entrypoints: ["src/main.ts", "src/http-worker.ts"],
    minify: true,
    sourcemap: "linked",
    define: { EVERLOCK_COMMIT: JSON.stringify(commit()) },
    // ssh2 works without its native parts, which would tie the executable to the machine it is built on.
    external: ["cpu-features", "./crypto/build/Release/sshcrypto.node"],
    compile: {
      outfile,
      ...(target && { target }),
      autoloadDotenv: false,
      autoloadBunfig: false,
    },
  });
  console.log(`built ${outfile}`);
}

function commit(): string {
  const result = Bun.spawnSync(["git", "rev-parse", "--short=12", "HEAD"], { stderr: "ignore" });
  return result.success ? result.stdout.toString().trim() : "unknown";
}

if (process.argv.includes("--all")) {
  const sums: string[] = [];
  for (const target of TARGETS) {
    const name = `everlock-${target.slice("bun-".length)}${target.includes("windows") ? ".exe" : ""}`;
    await compile(`${OUT}/${name}`, target);
    const hash = new Bun.CryptoHasher("sha256").update(await Bun.file(`${OUT}/${name}`).arrayBuffer());
    sums.push(`${hash.digest("hex")}  ${name}\n`);
  }
  await Bun.write(`${OUT}/SHA256SUMS`, sums.join(""));
} else {
  rmSync(`${OUT}/everlock`, { force: true });
  await compile(`${OUT}/everlock`);
}
