import { disableBackends, enableBackends, listBackends } from "../../administration/backends.ts";
import { BACKENDS, type BackendName, parseBackendName } from "../../backend-switch.ts";
import type { Command, Parameter } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { alignColumns } from "./table.ts";

const NAMES: Parameter = { name: "name", repeated: true, candidates: () => BACKENDS };

export const BACKEND_COMMANDS: readonly Command[] = [
  {
    scope: "backends",
    verb: "list",
    parameters: [],
    summary: "list the backends, and whether they serve",
    example: "/backends list",
    adminOnly: false,
    run(_args, context) {
      const records = listBackends(context);
      const cells = records.map(({ name, state }) => [name, state]);
      return { lines: alignColumns(cells, context), records };
    },
  },
  {
    scope: "backends",
    verb: "enable",
    parameters: [NAMES],
    summary: "enable backends again",
    example: "/backends enable oci-http",
    adminOnly: true,
    isChange: true,
    async run(args, context) {
      const names = readNames(args);
      await enableBackends(context, context.actor, names);
      return names.map((name) => `backend '${name}' enabled`);
    },
  },
  {
    scope: "backends",
    verb: "disable",
    parameters: [NAMES],
    summary: "disable backends: they respond 503 until they are enabled again",
    example: "/backends disable oci-http",
    adminOnly: true,
    isChange: true,
    async run(args, context) {
      const names = readNames(args);
      await disableBackends(context, context.actor, names);
      return names.map((name) => `backend '${name}' disabled`);
    },
  },
];

function readNames(args: readonly string[]): readonly BackendName[] {
  return args.map((text) => {
    const name = parseBackendName(text);
    if (!name) throw new ConsoleError(`'${text}' is no backend; there are ${BACKENDS.join(", ")}`);
    return name;
  });
}
