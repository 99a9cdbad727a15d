import { LazyWeb } from "../../backends/web/lazy-web.ts";
import { serverPart } from "./context.ts";
import { OTHER_NODES } from "./following.ts";
import { INSTANCES, JOBS } from "./registries.ts";
import { PASSWORDS, TOKEN_USES, USERS } from "./users.ts";

/** The pages and their API. */
export const WEB_BACKEND = serverPart({
  name: "the pages",
  needs: {
    users: USERS,
    passwords: PASSWORDS,
    instances: INSTANCES,
    jobs: JOBS,
    tokenUses: TOKEN_USES,
    others: OTHER_NODES,
  },
  stopsBeside: [JOBS],
  start: (services, { config, log }) =>
    new LazyWeb({
      ...services,
      passwordMinLength: config.passwordMinLength,
      consolePort: config.ssh?.port,
      log,
    }),
});
