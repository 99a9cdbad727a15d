/** The entry point of a thread that serves HTTP; `server.ts` starts as many as it is told to. */
import { ServingThread } from "../frontends/http/threads/serving-thread.ts";
import type { OwnerCalls, ThreadCalls } from "../frontends/http/threads/thread-calls.ts";
import { CallPort } from "../primitives/threads/call-port.ts";

declare const self: Worker;

new ServingThread((own) => {
  const port = new CallPort<ThreadCalls, OwnerCalls>(
    own,
    (items) => self.postMessage(items),
    (name, error) => {
      throw new Error(`the call ${name} failed`, { cause: error });
    },
  );
  self.addEventListener("message", ({ data }) => port.receive(data));
  return port;
});
