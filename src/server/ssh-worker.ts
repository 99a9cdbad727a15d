/** The entry point of the thread that serves SSH; `server.ts` starts it. */
import type { SshOwnerCalls, SshThreadCalls } from "../frontends/ssh/ssh-calls.ts";
import { SshServer } from "../frontends/ssh/ssh-server.ts";
import { CallPort } from "../primitives/threads/call-port.ts";

declare const self: Worker;

new SshServer((own) => {
  const port = new CallPort<SshThreadCalls, SshOwnerCalls>(
    own,
    (items) => self.postMessage(items),
    (name, error) => {
      throw new Error(`the call ${name} failed`, { cause: error });
    },
  );
  self.addEventListener("message", ({ data }) => port.receive(data));
  return port;
});
