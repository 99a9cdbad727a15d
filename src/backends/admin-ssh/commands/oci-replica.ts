import { promoteReplica, resyncReplica } from "../../oci-http/operations/replicas.ts";
import { readYes, YES } from "./access-words.ts";
import type { Command } from "./command.ts";
import { confirmed } from "./confirmed.ts";
import { INSTANCE, readInstance } from "./oci-words.ts";
import { outcome } from "./outcome.ts";

const PARAMETERS = [INSTANCE, { name: YES, optional: true }] as const;
const SHORT = 12;

export const OCI_REPLICA_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "promote",
    parameters: PARAMETERS,
    summary: "make a replica a registry of its own, which accepts pushes",
    example: "/oci promote eu",
    adminOnly: true,
    isChange: true,
    async run([text = "", ...more], context) {
      const isAsked = readYes(more);
      const name = readInstance(text);
      const done = await confirmed(context, isAsked, (isSure) =>
        promoteReplica(context, context.actor, { name, isSure }),
      );
      if (done === "declined") return outcome("nothing was changed", {}, false);
      const at = done.head === undefined ? "" : ` at ${done.head.slice(0, SHORT)}`;
      return outcome(
        `registry '${name}' follows ${done.primary ?? "nothing"} no more${at}; it accepts pushes`,
        done,
      );
    },
  },
  {
    scope: "oci",
    verb: "resync",
    parameters: PARAMETERS,
    summary: "let a replica that stopped take its primary's history in place of its own",
    example: "/oci resync eu",
    adminOnly: true,
    isChange: true,
    async run([text = "", ...more], context) {
      const isAsked = readYes(more);
      const name = readInstance(text);
      const done = await confirmed(context, isAsked, (isSure) =>
        resyncReplica(context, context.actor, { name, isSure }),
      );
      if (done === "declined") return outcome("nothing was changed", {}, false);
      return outcome(
        `registry '${name}' gives up its commits up to ${done.ours}; the repository of its store keeps them until stock git prunes it`,
        { name, ...done },
      );
    },
  },
];
