/** The HTTP worker thread, which hangs after the message "stick". */
import "../../src/server/http-worker.ts";

declare const self: Worker;

self.addEventListener("message", ({ data }) => {
  for (let turns = 0; data === "stick"; turns++) if (turns < 0) return;
});
