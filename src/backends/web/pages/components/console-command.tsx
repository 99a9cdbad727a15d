import type { InContext } from "../../requests/web-context.ts";
import { Copyable } from "./copyable.tsx";

interface ConsoleCommandProps extends InContext {
  /** With its slash, such as `/users list`. */
  readonly command: string;
}

/** The line that runs a command of the admin console: by SSH or, where that is off, on the server's machine. */
export function ConsoleCommand({ context, command }: ConsoleCommandProps) {
  const { services, request, actor } = context;
  if (services.consolePort === undefined) return <Copyable text={`everlock console ${command}`} />;
  const host = URL.parse(request.base)?.hostname ?? "localhost";
  return <Copyable text={`ssh -p ${services.consolePort} ${actor.user}@${host} ${command}`} />;
}
