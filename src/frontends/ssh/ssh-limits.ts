import { GATE_LIMITS, type GateLimits } from "./connection-gate.ts";

/** Limits on the resources of SSH clients. */
export interface SshLimits extends GateLimits {
  /** Time to log in before the connection is closed. */
  readonly loginGraceMs: number;
  /** Interval of keepalive requests to a silent client; it is disconnected after five without a reply. */
  readonly keepaliveMs: number;
  /** Time between the end of a login and that of its connection: longer than the main thread needs to end its sessions. */
  readonly loginEndMs: number;
  /** Maximal passwords and signatures for each connection. */
  readonly loginAttempts: number;
  /** Maximal public keys that a client may query without a signature. */
  readonly keyOffers: number;
  /** Maximal open sessions for each connection, for each user, and in total. */
  readonly sessionsPerConnection: number;
  readonly sessionsPerUser: number;
  readonly sessions: number;
}

export const SSH_LIMITS: SshLimits = {
  ...GATE_LIMITS,
  loginGraceMs: 60_000,
  keepaliveMs: 60_000,
  loginEndMs: 5000,
  loginAttempts: 6,
  keyOffers: 50,
  sessionsPerConnection: 10,
  sessionsPerUser: 16,
  sessions: 96,
};

/** Connections before login, and those after it, each get this fraction (1/n) of the limit on open files. */
const FILES_PART = 32;
const MIN_CONNECTIONS = 16;
/** One network, one user and the administrators' reserve each get this fraction (1/n) of the connections. */
const SHARE_PART = 4;

/** Returns limits that leave open files for everything else when the process may open only few. */
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
