import { counted } from "../../../primitives/text/counted.ts";
import { reloadConfiguration } from "../../administration/reload.ts";
import type { Command } from "./command.ts";

export const CONFIG_COMMANDS: readonly Command[] = [
  {
    scope: "config",
    verb: "reload",
    parameters: [],
    summary: "load changes committed with git to everlock-system and everlock-users; SIGHUP does the same",
    example: "/config reload",
    adminOnly: true,
    isChange: true,
    async run(_args, context) {
      const { changes, registries, users } = await reloadConfiguration(context, context.actor);
      const isChanged = changes.length > 0;
      return {
        lines: [
          `reloaded: ${counted(registries, "registry", "registries")}, ${counted(users, "user")}`,
          ...(isChanged ? changes : ["nothing has changed"]),
        ],
        records: [{ message: "reloaded", changed: isChanged, registries, users, changes }],
      };
    },
  },
];
