import { alignColumns, type Command } from "../command.ts";

export const OCI_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "list",
    parameters: [],
    summary: "list the OCI registries with their stores and host names",
    adminOnly: false,
    run: (_args, { instances }) =>
      alignColumns(
        instances().map(({ name, store, vhosts }) => [
          name,
          `store=${store}`,
          ...vhosts.map((vhost) => `vhost=${vhost}`),
        ]),
      ),
  },
];
