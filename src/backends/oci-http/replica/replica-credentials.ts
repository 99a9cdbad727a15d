import { readFile } from "node:fs/promises";
import type {
  UpstreamCredentialSource,
  UpstreamCredentials,
} from "../../../registry/client/upstream-credentials.ts";

/** The folder of the data directory with the logins for primaries, one file for each registry: `login:password`. */
const FOLDER = "upstream_credentials";

/** Reads the login each time: it may be replaced while the server runs. */
export function replicaCredentials(dataDir: string, registry: string): UpstreamCredentialSource {
  return async (): Promise<UpstreamCredentials | undefined> => {
    let text: string;
    try {
      text = await readFile(`${dataDir}/${FOLDER}/${registry}`, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
    const [login, ...password] = text.trim().split(":");
    return { username: login ?? "", password: password.join(":") };
  };
}
