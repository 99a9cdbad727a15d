import { existsSync, readFileSync } from "node:fs";
import ssh2 from "ssh2";
import { replaceFile } from "../../primitives/store/durable.ts";

/** The server's Ed25519 key in OpenSSH format, made at the first start: clients must find the same one ever after. */
export async function ensureHostKey(path: string): Promise<string> {
  if (!existsSync(path)) {
    const { private: key } = ssh2.utils.generateKeyPairSync("ed25519", { comment: "everlock" });
    await replaceFile(path, Buffer.from(key), 0o600);
  }
  return readFileSync(path, "utf8");
}
