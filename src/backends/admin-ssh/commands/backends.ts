import { disableBackends, enableBackends, listBackends } from "../../administration/backends.ts";
import { BACKENDS, type BackendName, parseBackendName } from "../../backend-switch.ts";
import type { Command, Listing, Parameter } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { outcome } from "./outcome.ts";
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
      return renderSwitch(names, await enableBackends(context, context.actor, names), "enabled");
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
      return renderSwitch(names, await disableBackends(context, context.actor, names), "disabled");
    },
  },
];

function renderSwitch(
  names: readonly BackendName[],
  changed: readonly BackendName[],
  state: "enabled" | "disabled",
): Listing {
  const outcomes = names.map((backend) => {
    const isNew = changed.includes(backend);
    return outcome(
      `backend '${backend}' ${isNew ? "" : "is "}${state}${isNew ? "" : " already"}`,
      { backend, state },
      isNew,
    );
  });
  return {
    lines: outcomes.flatMap(({ lines }) => lines),
    records: outcomes.flatMap(({ records }) => records),
  };
}

function readNames(args: readonly string[]): readonly BackendName[] {
  return args.map((text) => {
    const name = parseBackendName(text);
    if (!name) throw new ConsoleError(`'${text}' is no backend; there are ${BACKENDS.join(", ")}`);
    return name;
  });
}
