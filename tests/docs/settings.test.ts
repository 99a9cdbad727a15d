import { describe, expect, test } from "bun:test";
import { INSTANCE_SETTINGS } from "../../src/backends/oci-http/settings/instance-settings.ts";
import { SETTING_NAMES } from "../../src/config/settings.ts";
import { ROOT, repositoryDocuments } from "./repository-documents.ts";

/** Flags of other programs, and of Everlock's commands besides `serve`, that the documents name. */
const OTHER_FLAGS = new Set([
  // everlock gc, restore-backup and every command; the console.
  ...["dry-run", "partial", "help", "json", "version", "yes"],
  ...["if-missing", "if-exists", "if-running", "prune", "password-hashes", "remove"],
  // everlock storage copy
  ...["from-endpoint", "from-region", "from-credentials", "from-ca"],
  // everlock import and export
  ...["to", "repositories", "repository", "prefix", "tagged-only", "as", "users", "role"],
  ...["login", "password-file", "ca", "realm", "allow-private", "at"],
  // build.ts; skopeo and /oci restore; docker save
  ...["image", "packages", "all", "platform"],
  // bun run bench
  ...["large", "against"],
  // dpkg
  "purge",
  // podman, bun, npx, git, chown, systemctl
  ...["tls-verify", "frozen-lockfile", "author", "format", "grep", "name-only", "strict"],
  ...["reference", "now"],
  // docker and podman
  ...["env", "health-cmd", "authfile"],
]);

describe("the documents", () => {
  test("name no flag that 'everlock serve' does not know", async () => {
    const unknown: string[] = [];
    for (const [path, { flags }] of await repositoryDocuments()) {
      for (const flag of flags) {
        const isKnown = [flag, flag.replace(/^no-/, "")].some((name) =>
          SETTING_NAMES.some((setting) => setting === name),
        );
        if (!isKnown && !OTHER_FLAGS.has(flag)) unknown.push(`${path}: --${flag}`);
      }
    }
    expect(unknown).toEqual([]);
  });

  test("explain every setting of the server in one row of a table", async () => {
    const text = await Bun.file(`${ROOT}/docs/operate.md`).text();
    const rows = [...text.matchAll(/^\| `--([a-z-]+)/gm)].map(([, name = ""]) => name);
    expect(rows.toSorted()).toEqual([...SETTING_NAMES].toSorted());
  });

  test("explain every setting of a registry in a table", async () => {
    const text = await Bun.file(`${ROOT}/docs/console.md`).text();
    const [, section = ""] = text.match(/^## Settings of a registry\n(.*?)^## /ms) ?? [];
    const rows = section.split("\n").filter((line) => line.startsWith("| `"));
    const words = rows.flatMap((row) => [...row.matchAll(/`([a-z-]+)=</g)].map(([, word = ""]) => word));
    const settings = Object.values(INSTANCE_SETTINGS).map(({ word }) => word);
    expect(words.toSorted()).toEqual(settings.toSorted());
  });
});
