import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { replaceFile, syncDirectory } from "../durable.ts";

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

/** Makes `dir` a bare Git repository if it is none yet; repeating it after a crash completes it. */
export async function ensureRepository(dir: string): Promise<void> {
  if (!existsSync(`${dir}/HEAD`)) {
    for (const part of ["objects/pack", "objects/info", "refs/heads", "refs/tags"]) {
      mkdirSync(`${dir}/${part}`, { recursive: true });
    }
    await replaceFile(`${dir}/config`, Buffer.from(CONFIG));
    for (const part of ["objects", "refs"]) await syncDirectory(`${dir}/${part}`);
    await replaceFile(`${dir}/HEAD`, Buffer.from(`ref: ${MAIN_REF}\n`));
  }
  if (!/objectformat\s*=\s*sha256/i.test(readFileSync(`${dir}/config`, "utf8"))) {
    throw new Error(`${dir} is a Git repository, but not in the SHA-256 object format`);
  }
}
