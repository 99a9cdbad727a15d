import { expect, test } from "bun:test";
import { binary } from "../support/binary.ts";
import { describeWith, must, run } from "../support/tools.ts";

describeWith(["bash"], "everlock completion", () => {
  const complete = async (...words: string[]) => {
    const script = `source <("$1" completion bash); shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _everlock; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return (await must(["bash", "-c", script, "bash", binary(), "everlock", ...words])).trim().split("\n");
  };

  test("completes commands and their flags in bash", async () => {
    expect(await complete("re")).toEqual(["restore-backup"]);
    expect(await complete("serve", "--frontend-ssh")).toEqual(["--frontend-ssh-listen"]);
    expect(await complete("gc", "--d")).toEqual(["--dry-run", "--data-dir"]);
    expect(await complete("")).toContain("completion");
  });

  test.each(["zsh", "fish"])("prints a script that %p can parse, if it is installed", async (shell) => {
    const script = await must([binary(), "completion", shell]);
    expect(script).toContain("restore-backup");
    if (Bun.which(shell)) await must([shell, "-n", "/dev/stdin"], { stdin: script });
  });

  test("lists the supported shells in its usage error", async () => {
    const { code, stderr } = await run([binary(), "completion", "csh"]);
    expect([code, stderr]).toEqual([2, "everlock: use: everlock completion bash|zsh|fish\n"]);
  });
});
