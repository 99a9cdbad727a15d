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

/**
 * ssh2 works without its native parts, which would tie the executable to the machine it is built on. They are replaced by
 * modules that throw, as missing ones do: left to be found at run time, they would be looked for in the current directory.
 */
const ABSENT_PARTS: Bun.BunPlugin = {
  name: "absent native parts",
  setup(build) {
    build.onResolve({ filter: /^cpu-features$|\.node$/ }, ({ path }) => ({ path, namespace: "absent" }));
    build.onLoad({ filter: /.*/, namespace: "absent" }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(`${path} is not part of this executable`)});`,
      loader: "js",
    }));
  },
};

async function compile(outfile: string, target?: (typeof TARGETS)[number]): Promise<void> {
  await Bun.build({
    // Threads start from files of their own.
    entrypoints: [
      "src/main.ts",
      "src/server/http-worker.ts",
      "src/server/ssh-worker.ts",
      "src/server/stop-watchdog.ts",
    ],
    // Beside main in the executable, as the file that starts them stands beside them here.
    naming: "[name].[ext]",
    minify: true,
    // Starts in half the time. Only for the machine that builds: nothing here runs what is made for other platforms.
    ...(!target && { format: "esm", bytecode: true }),
    sourcemap: "linked",
    define: { EVERLOCK_COMMIT: JSON.stringify(commit()) },
    plugins: [ABSENT_PARTS],
    compile: {
      outfile,
      ...(target && { target }),
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
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
