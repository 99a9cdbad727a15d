import { CallPort } from "./call-port.ts";
import type { ErrorClasses } from "./packed-error.ts";

declare const self: Worker;

/** The port of a worker thread to the thread that started it. A failed notice from that thread ends the worker. */
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
