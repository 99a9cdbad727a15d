import { ConfigurationFollower } from "../../backends/administration/configuration-follower.ts";
import { serverPart } from "./context.ts";
import { STORES } from "./data.ts";
import { INSTANCES, SYSTEM } from "./registries.ts";
import { RELOAD } from "./reload.ts";
import { STORE_OF_USERS } from "./users.ts";

/** Provides `undefined` where no other node uses the storage. */
export const OTHER_NODES = serverPart({
  name: "the changes of other nodes",
  needs: { opened: STORES, users: STORE_OF_USERS, system: SYSTEM, instances: INSTANCES, reload: RELOAD },
  start: ({ opened, users, system, instances, reload }, { log }) => {
    if (opened.stores.location.kind === "local") return undefined;
    const contents = () => instances.stores();
    const stores = [users, system];
    const follower = new ConfigurationFollower({ stores, contents, reload, log });
    for (const store of stores) store.catchUp = () => follower.refresh();
    return follower;
  },
  stop: (follower) => follower?.stop(),
});
