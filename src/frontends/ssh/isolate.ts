import type { Socket } from "node:net";

/** Passes exceptions from a connection's event handlers to `onError`, so that they don't end the thread with all connections. */
export function isolate(socket: Socket, onError: (error: unknown) => void): void {
  const emit: (name: string | symbol, ...args: unknown[]) => boolean = socket.emit.bind(socket);
  socket.emit = (name: string | symbol, ...args: unknown[]) => {
    try {
      return emit(name, ...args);
    } catch (error) {
      onError(error);
      return true;
    }
  };
}
