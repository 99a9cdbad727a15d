import { CallPort } from "./call-port.ts";
import type { ErrorClasses } from "./packed-error.ts";

declare const self: Worker;

/** In a thread that another one has started: the port to that one. A notice of it that fails ends the thread. */
export function portToStarter(errors: ErrorClasses): CallPort {
  const port = new CallPort({
    errors,
    post: (items) => self.postMessage(items),
    onFailure: (call, error) => {
      throw new Error(`the notice ${call} failed`, { cause: error });
    },
  });
  self.addEventListener("message", ({ data }) => port.receive(data));
  return port;
}
