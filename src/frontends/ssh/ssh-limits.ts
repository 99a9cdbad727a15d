import { GATE_LIMITS, type GateLimits } from "./connection-gate.ts";

/** What clients may make the server keep. */
export interface SshLimits extends GateLimits {
  /** A connection that has not logged in by then is closed. */
  readonly loginGraceMs: number;
  /** A client that is silent is asked so often whether it is there; one that leaves five questions open is gone. */
  readonly keepaliveMs: number;
  /** Passwords and signatures that a connection may try, and keys that it may ask about. */
  readonly loginAttempts: number;
  readonly keyOffers: number;
  /** Sessions open at once on a connection, of a user and of all. */
  readonly sessionsPerConnection: number;
  readonly sessionsPerUser: number;
  readonly sessions: number;
}

export const SSH_LIMITS: SshLimits = {
  ...GATE_LIMITS,
  loginGraceMs: 60_000,
  keepaliveMs: 60_000,
  loginAttempts: 6,
  keyOffers: 50,
  sessionsPerConnection: 10,
  sessionsPerUser: 16,
  sessions: 96,
};

/** Connections before and after the login get one each of so many parts of the files that may be open. */
const FILES_PART = 32;
const MIN_CONNECTIONS = 16;
/** Of all connections, one network, one user and the administrators' share are one of so many. */
const SHARE_PART = 4;

/** What leaves files for everything else, where few may be open. */
export function sshLimits(fileLimit: number): SshLimits {
  const most = Math.max(MIN_CONNECTIONS, Math.floor(fileLimit / FILES_PART));
  const share = Math.floor(most / SHARE_PART);
  return {
    ...SSH_LIMITS,
    waiting: Math.min(SSH_LIMITS.waiting, most),
    waitingPerNetwork: Math.min(SSH_LIMITS.waitingPerNetwork, share),
    loggedIn: Math.min(SSH_LIMITS.loggedIn, most),
    loggedInPerUser: Math.min(SSH_LIMITS.loggedInPerUser, share),
    reservedForAdministrators: Math.min(SSH_LIMITS.reservedForAdministrators, share),
  };
}
