import { Authenticator } from "../../primitives/users/authenticator.ts";
import { FailureLimiter } from "../../primitives/users/failure-limiter.ts";
import { KnownNetworksFile } from "../../primitives/users/known-networks-file.ts";
import { LoginFailureLog } from "../../primitives/users/login-failure-log.ts";
import { PasswordChecker } from "../../primitives/users/password-checker.ts";
import { PasswordRenewal } from "../../primitives/users/password-renewal.ts";
import { TokenUses } from "../../primitives/users/token-uses.ts";
import { USERS_STORE, UserRegistry } from "../../primitives/users/user-registry.ts";
import { serverPart } from "./context.ts";
import { DIRECTORY, STORES } from "./data.ts";

export const STORE_OF_USERS = serverPart({
  name: "the users",
  starting: "opening the users",
  needs: { opened: STORES },
  start: ({ opened }) => opened.stores.open(USERS_STORE),
  stop: (store) => store.close(),
});

export const USERS = serverPart({
  name: "the user registry",
  starting: "reading the users",
  needs: { store: STORE_OF_USERS },
  start: ({ store }, { log }) => UserRegistry.load(store, log.warn),
});

export const TOKEN_USES = serverPart({
  name: "the uses of tokens",
  needs: { directory: DIRECTORY },
  start: ({ directory }, { log }) => new TokenUses(`${directory.path}/token_uses.json`, log),
  stop: (uses) => uses.close(),
});

const FAILURE_LOG = serverPart({
  name: "the log of failed logins",
  needs: {},
  start: (_, { log }) => new LoginFailureLog(log),
  stop: (failureLog) => failureLog.close(),
});

const KNOWN_NETWORKS = serverPart({
  name: "the networks of users",
  needs: { directory: DIRECTORY },
  start: ({ directory }, { log }) => new KnownNetworksFile(`${directory.path}/known_networks.json`, log),
  stop: (networks) => networks.close(),
});

export const PASSWORDS = serverPart({
  name: "the check of passwords",
  needs: { users: USERS, failureLog: FAILURE_LOG, networks: KNOWN_NETWORKS },
  start: ({ users, failureLog, networks }, { log }) => {
    const renewal = new PasswordRenewal(users, log);
    return new PasswordChecker(() => users.directory, {
      limiter: new FailureLimiter(networks.known),
      failed: (failure) => failureLog.note(failure),
      renew: (...args) => renewal.renew(...args),
    });
  },
});

export const AUTHENTICATOR = serverPart({
  name: "the check of logins",
  needs: { users: USERS, passwords: PASSWORDS, tokenUses: TOKEN_USES },
  start: ({ users, passwords, tokenUses }) =>
    new Authenticator(
      () => users.directory,
      (...args) => passwords.check(...args),
      (id) => tokenUses.note(id),
    ),
});
