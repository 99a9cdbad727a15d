/** The SSH thread, and one that never comes back once it is told "stick". */
import "../../src/server/ssh-worker.ts";

declare const self: Worker;

self.addEventListener("message", ({ data }) => {
  for (let turns = 0; data === "stick"; turns++) if (turns < 0) return;
});
