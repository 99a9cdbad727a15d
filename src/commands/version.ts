import { defineCommand } from "citty";
import { VERSION } from "../primitives/version.ts";

export const version = defineCommand({
  meta: {
    name: "version",
    description: "Print the version, the commit it was built from and the version of Bun",
  },
  run() {
    process.stdout.write(`everlock ${VERSION.everlock} (commit ${VERSION.commit}, Bun ${VERSION.bun})\n`);
  },
});
