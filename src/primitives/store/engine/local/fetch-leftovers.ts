import { readdirSync, unlinkSync } from "node:fs";
import { isFetch, parseUploadId } from "../upload-id.ts";

/** Removes the upload sessions that fetches of an earlier process have left; to be called before any begins. */
export function removeFetchLeftovers(uploadsDir: string): void {
  for (const name of readdirSync(uploadsDir)) {
    const id = parseUploadId(name.slice(0, name.indexOf(".")));
    if (id && isFetch(id)) unlinkSync(`${uploadsDir}/${name}`);
  }
}
