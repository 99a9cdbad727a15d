import { type ArgsDef, defineCommand } from "citty";
import { UsageError } from "../config/settings.ts";
import { splitFlags } from "./data-directory-args.ts";
import { runUsers, USERS_ARGS } from "./users.ts";

const ARGS: ArgsDef = {
  login: { type: "positional", required: false, description: "login of the user" },
  ...USERS_ARGS,
};

const USAGE = "use: everlock passwd <login> [--data-dir <dir> | --storage s3://<bucket>/<prefix>]";

export const passwd = defineCommand({
  meta: {
    name: "passwd",
    description: "Set a user's password on this machine, without a login, whether the server runs or not",
  },
  args: ARGS,
  async run({ rawArgs }) {
    const { words, flags } = splitFlags(rawArgs, USERS_ARGS);
    const [login, ...others] = words;
    if (login === undefined || others.length > 0) throw new UsageError(USAGE);
    await runUsers(["passwd", login], flags, USAGE);
  },
});
