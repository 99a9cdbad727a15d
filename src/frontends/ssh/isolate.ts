import type { Socket } from "node:net";

/** What is thrown while an event of a connection is handled goes to `failed`, and does not end the thread with all others. */
export function isolate(socket: Socket, failed: (error: unknown) => void): void {
  const emit: (name: string | symbol, ...args: unknown[]) => boolean = socket.emit.bind(socket);
  socket.emit = (name: string | symbol, ...args: unknown[]) => {
    try {
      return emit(name, ...args);
    } catch (error) {
      failed(error);
      return true;
    }
  };
}
