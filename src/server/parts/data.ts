import { localStores } from "../../primitives/store/open-engine.ts";
import { serverPart } from "./context.ts";

export const DIRECTORY = serverPart({
  name: "the data directory",
  needs: {},
  start: (_, { acquireDirectory }) => acquireDirectory(),
  stop: (directory) => directory.release(),
});

/** Opens stores, and reserves disk space for them. */
export const STORES = serverPart({
  name: "the stores' room in reserve",
  starting: "reserving room on the disk",
  needs: { directory: DIRECTORY },
  start: ({ directory }, { log, signal }) => {
    const stores = localStores(directory.path, log, signal);
    return { stores, release: stores.room.keepReserve() };
  },
  stop: ({ release }) => release(),
});
