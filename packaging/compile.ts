import { rmSync } from "node:fs";
import { DIST, RELEASE, ROOT, reportBuilt } from "./release.ts";

export const TARGETS = [
  "bun-linux-x64",
  "bun-linux-arm64",
  "bun-linux-x64-musl",
  "bun-linux-arm64-musl",
  "bun-darwin-arm64",
  "bun-windows-x64",
] as const satisfies Bun.Build.CompileTarget[];

export type Target = (typeof TARGETS)[number];

/**
 * Of the head of an HTTP request. The runtime's default of 16 KiB is too little for 1024 ranges, which podman names for a
 * large layer. The runtime has one limit for all listeners of the process; it answers 431 above it.
 */
const MAX_HEAD_BYTES = 32 * 1024;

/** The processors that images and packages are made for, as Go and Debian call them. */
export const ARCHITECTURES = ["amd64", "arm64"] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

const LINUX_TARGETS = {
  amd64: "bun-linux-x64",
  arm64: "bun-linux-arm64",
} as const satisfies Record<Architecture, Target>;

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

/** Compiles the executable for a target, by default for this machine. */
export async function compile(outfile: string, target?: Target): Promise<void> {
  const { outputs } = await Bun.build({
    // Each kind of thread has its own entry point.
    entrypoints: [
      "src/main.ts",
      "src/server/http-worker.ts",
      "src/server/ssh-worker.ts",
      "src/server/stop-watchdog.ts",
    ].map((path) => `${ROOT}/${path}`),
    // Flat names, so that the executable finds the workers beside main.
    naming: "[name].[ext]",
    minify: true,
    // What is imported by `import()` becomes a chunk of its own, which costs no memory until it is imported.
    splitting: true,
    // Bytecode halves the start time. Only for the build machine, because no test runs the other platforms' executables.
    ...(!target && { format: "esm", bytecode: true }),
    sourcemap: "linked",
    define: { EVERLOCK_COMMIT: JSON.stringify(RELEASE.commit) },
    plugins: [NO_NATIVE_MODULES],
    compile: {
      // Not by node:http, which costs each thread 15 ms and 8 MiB at the start.
      execArgv: [`--max-http-header-size=${MAX_HEAD_BYTES}`],
      outfile,
      ...(target && { target }),
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  // The executable has them too.
  for (const { kind, path } of outputs) if (kind === "sourcemap") rmSync(path, { force: true });
  reportBuilt(outfile);
}

/** Compiles the executable for Linux with glibc in a folder of its own, and returns its path. */
export async function compileForLinux(architecture: Architecture): Promise<string> {
  const outfile = `${DIST}/linux-${architecture}/everlock`;
  const target = LINUX_TARGETS[architecture];
  await compile(outfile, target === `bun-${process.platform}-${process.arch}` ? undefined : target);
  return outfile;
}
