import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { ROOT } from "../docs/repository-documents.ts";
import { chaptersOf } from "../docs/walk/blocks.ts";
import { walkScript } from "../docs/walk/walk-script.ts";
import { binary } from "../support/binary.ts";
import { describeOnMachineCopy, onMachineCopy } from "../support/machine-copy.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const TIMEOUT_MS = 120_000;

describeOnMachineCopy(["bash", "podman", "ssh", "sshpass", "git"], "every command in", () => {
  for (const document of ["README.md"]) {
    for (const chapter of chaptersOf(readFileSync(`${ROOT}/${document}`, "utf8"))) {
      if (chapter.blocks.every(({ kind }) => kind === "skipped")) continue;
      test(
        `${document}, "${chapter.title}", works as it is printed`,
        async () => {
          const bin = `${temporaryDirectory()}/bin`;
          mkdirSync(bin);
          symlinkSync(binary(), `${bin}/everlock`);
          const script = `export PATH=${bin}:${ROOT}/tests/docs/walk/shims:/usr/local/sbin:/usr/sbin:/sbin:$PATH WALK_IMAGE=${makeLayout().dir}
export EVERLOCK_ADMIN_PASSWORD=change-me
${walkScript(document, chapter)}`;
          const { code, stdout, stderr } = await onMachineCopy(script, [], "bash");
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
