/** Scripts and styles for browsers, with their own types. */
const BROWSER = `${import.meta.dir}/../browser`;

/**
 * Bundles a script or a style for browsers. It is called as a macro, when the program is compiled or, from source, loaded: the
 * executable contains the result and no bundler runs in it. A macro can't call `Bun.build`, so that a process does it.
 */
export function bundle(file: string): string {
  const path = `${BROWSER}/${file}`;
  const { success, stdout, stderr } = Bun.spawnSync([
    process.execPath,
    "build",
    path,
    "--minify",
    "--target=browser",
  ]);
  if (!success) throw new Error(`${file} can't be bundled: ${stderr.toString()}`);
  return stdout.toString();
}
