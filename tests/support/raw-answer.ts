import { connect } from "node:net";

/** Sends bytes on a connection of its own, and returns what comes back until the server closes it. */
export function rawAnswer(port: number, request: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1");
    socket.on("data", (data) => {
      answer += data;
    });
    socket.on("error", () => resolve(answer));
    socket.on("close", () => resolve(answer));
    socket.write(request);
  });
}
