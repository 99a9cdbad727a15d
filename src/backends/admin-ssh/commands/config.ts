import type { Command } from "./command.ts";

export const CONFIG_COMMANDS: readonly Command[] = [
  {
    scope: "config",
    verb: "reload",
    parameters: [],
    summary:
      "take over what was committed with git to everlock-system and everlock-users; SIGHUP does the same",
    example: "/config reload",
    adminOnly: true,
    isChange: true,
    async run(_args, { users, instances, server }) {
      const changes = await server.reload();
      const { length } = users.directory.list();
      return [
        `reloaded: ${instances.list().length} registries, ${length} users`,
        ...(changes.length > 0 ? changes : ["nothing has changed"]),
      ];
    },
  },
];
