import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { replaceFile, syncDirectory } from "../../../fs/durable.ts";
import { CorruptObjectError } from "../../git/object.ts";

export const MAIN_REF = "refs/heads/main";

/**
 * What stock git (2.39 or later) needs to take the directory for a bare repository with SHA-256 names; it waits some
 * seconds for its turn at the branch, which is locked most of the time while many push.
 */
const CONFIG = `[core]
\trepositoryformatversion = 1
\tfilemode = true
\tbare = true
\tfilesRefLockTimeout = 5000
[extensions]
\tobjectformat = sha256
`;

/**
 * Makes `dir` a bare Git repository if it is none yet; repeating it after a crash completes it. Throws
 * `CorruptObjectError` where parts that every repository has are gone.
 */
export async function ensureRepository(dir: string): Promise<void> {
  const config = `${dir}/config`;
  if (!existsSync(`${dir}/HEAD`)) {
    for (const part of ["objects/pack", "objects/info", "refs/heads", "refs/tags"]) {
      mkdirSync(`${dir}/${part}`, { recursive: true });
    }
    await replaceFile(config, Buffer.from(CONFIG));
    for (const part of ["objects", "refs"]) await syncDirectory(`${dir}/${part}`);
    await replaceFile(`${dir}/HEAD`, Buffer.from(`ref: ${MAIN_REF}\n`));
  }
  if (!existsSync(`${dir}/objects/pack`))
    throw new CorruptObjectError(dir, "objects/pack is missing; restore the store from a backup");
  // The same in every store.
  if (!existsSync(config)) await replaceFile(config, Buffer.from(CONFIG));
  if (!/objectformat\s*=\s*sha256/i.test(readFileSync(config, "utf8"))) {
    throw new CorruptObjectError(
      config,
      "it does not say 'objectformat = sha256' below 'extensions'; removed, it is made as it was",
    );
  }
}
