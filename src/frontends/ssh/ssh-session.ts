import type { PseudoTtyInfo, ServerChannel, Session } from "ssh2";
import type { AdminConsole, ConsoleChannel } from "../../backends/admin-ssh/admin-console.ts";
import type { Logger } from "../../primitives/logger.ts";
import type { UserName } from "../../primitives/users/user.ts";

const DEFAULT_COLUMNS = 80;
/** Widths beyond this are a client's mistake or a trick. */
const MAX_COLUMNS = 1000;

/** Who is logged in, and the address that the connection comes from. */
export interface SshOperator {
  readonly user: UserName;
  readonly remote: string;
}

/** Runs the console on one SSH session: a shell or a single command, with a terminal or without. */
export function serveSession(
  session: Session,
  { user, remote }: SshOperator,
  console: AdminConsole,
  log: Logger,
): void {
  let terminal: { columns: number } | undefined;
  const resized = new Set<() => void>();
  const setSize = ({ cols }: Pick<PseudoTtyInfo, "cols">) => {
    terminal = { columns: cols > 0 ? Math.min(cols, MAX_COLUMNS) : DEFAULT_COLUMNS };
  };

  session.on("pty", (accept, _reject, info) => {
    setSize(info);
    accept?.();
  });
  session.on("window-change", (accept, _reject, info) => {
    setSize(info);
    accept?.();
    for (const callback of resized) callback();
  });

  const run = (channel: ServerChannel, work: (channel: ConsoleChannel) => Promise<number>) => {
    channel.on("error", () => undefined);
    const screen = terminal && {
      columns: () => terminal?.columns ?? DEFAULT_COLUMNS,
      onResize: (callback: () => void) => void resized.add(callback),
    };
    work({
      // The plain iterator would destroy the channel at the end of its input, before the exit code is sent.
      input: channel.iterator({ destroyOnReturn: false }),
      screen,
      remote,
      write: (text) => void channel.write(text),
      writeError: (text) => void channel.stderr.write(text),
    })
      .catch((error) => {
        // A client that goes away in the middle of a command is no failure of ours.
        if (!channel.destroyed) log.error("a console session failed", error);
        return 1;
      })
      .then((code) => {
        if (channel.destroyed) return;
        channel.exit(code);
        channel.end();
      })
      .catch((error) => log.error("a console session could not be ended", error));
  };
  session.on("shell", (accept) => run(accept(), (channel) => console.session(user, channel)));
  session.on("exec", (accept, _reject, info) => {
    run(accept(), (channel) => console.execute(user, info.command, channel));
  });
}
