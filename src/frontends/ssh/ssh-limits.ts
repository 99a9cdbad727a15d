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
