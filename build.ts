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
 * Replaces ssh2's optional native modules, which would tie the executable to the build machine, with modules that throw as
 * missing ones do. Without a replacement, the executable would search the current directory for them.
 */
const NO_NATIVE_MODULES: Bun.BunPlugin = {
  name: "no native modules",
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
    // Each kind of thread has its own entry point.
    entrypoints: [
      "src/main.ts",
      "src/server/http-worker.ts",
      "src/server/ssh-worker.ts",
      "src/server/stop-watchdog.ts",
    ],
    // Flat names, so that the executable finds the workers beside main.
    naming: "[name].[ext]",
    minify: true,
    // Bytecode halves the start time. Only for the build machine, because no test runs the other platforms' executables.
    ...(!target && { format: "esm", bytecode: true }),
    sourcemap: "linked",
    define: { EVERLOCK_COMMIT: JSON.stringify(commit()) },
    plugins: [NO_NATIVE_MODULES],
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
