import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { ROOT } from "../docs/repository-documents.ts";
import { chaptersOf, isRun } from "../docs/walk/blocks.ts";
import { walkScript } from "../docs/walk/walk-script.ts";
import { binary } from "../support/binary.ts";
import { describeOnMachineCopy, onMachineCopy } from "../support/machine-copy.ts";
import { makeLayout } from "../support/oci-layout.ts";

const TIMEOUT_MS = 120_000;
const SHIMS = `${ROOT}/tests/docs/walk/shims`;
/** Larger than what proxies accept, or keep in memory, unless they are told to. */
const LARGE_LAYER_BYTES = 200_000_000;

const TOOLS = ["podman", "skopeo", "git", "ssh", "sshpass", "openssl", "curl", "setpriv"] as const;

/** What the script finds in its environment; see `walk-script.ts`. */
function environmentOf(script: string): Record<string, string> {
  const isLarge = script.includes("$WALK_LARGE_IMAGE");
  return {
    PATH: `${SHIMS}:/usr/sbin:/sbin:${process.env["PATH"]}`,
    WALK_EVERLOCK: binary(),
    EVERLOCK_ADMIN_PASSWORD: "change-me",
    WALK_IMAGE: makeLayout().dir,
    ...(isLarge && { WALK_LARGE_IMAGE: makeLayout({ layerBytes: LARGE_LAYER_BYTES, level: 0 }).dir }),
  };
}

describeOnMachineCopy([...TOOLS, "nginx", "caddy", "registry", "regctl"], "every command in", () => {
  for (const document of ["README.md", "docs/recipes.md"]) {
    for (const chapter of chaptersOf(readFileSync(`${ROOT}/${document}`, "utf8"))) {
      if (!chapter.blocks.some(isRun)) continue;
      test(
        `the chapter '${chapter.title}' of ${document} works as it is printed`,
        async () => {
          const script = walkScript(document, chapter);
          const { code, stdout, stderr } = await onMachineCopy(script, {
            shell: "bash",
            env: environmentOf(script),
          });
          if (code !== 0)
            throw new Error(`exit code ${code} in the last of these steps:\n${stdout}${stderr}`);
          if (process.env["EVERLOCK_SHOW_WALK"] === "1") console.log(stdout + stderr);
          expect(stdout).toEndWith("== end\n");
        },
        TIMEOUT_MS,
      );
    }
  }
});
