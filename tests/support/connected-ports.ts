import { THREAD_ERRORS } from "../../src/frontends/thread-errors.ts";
import { CallPort, type CallPortOptions } from "../../src/primitives/threads/call-port.ts";

/** Both ends of a call channel in one thread; calls are serialized as between two threads. */
export function connectedPorts(
  onFailure: CallPortOptions["onFailure"],
  { maxPending, onMessage }: { readonly maxPending?: number; readonly onMessage?: () => void } = {},
): readonly [CallPort, CallPort] {
  const portTo = (other: () => CallPort) =>
    new CallPort({
      errors: THREAD_ERRORS,
      onFailure,
      ...(maxPending !== undefined && { maxPending }),
      post(items) {
        onMessage?.();
        // Throws at once for what can't be cloned, as `postMessage` does.
        const copy = structuredClone(items);
        setImmediate(() => other().receive(copy as never));
      },
    });
  const one: CallPort = portTo(() => two);
  const two: CallPort = portTo(() => one);
  return [one, two];
}
