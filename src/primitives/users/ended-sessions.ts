import { plainText } from "../text/records.ts";
import type { AccessFile } from "./access-file.ts";

/** Life of a session of the pages after its last renewal; a password change ends it earlier. */
export const SESSION_SECONDS = 12 * 60 * 60;
/** A session in use is renewed after this time. */
export const RENEWAL_SECONDS = 60 * 60;
/** Longest time from a sign-in to the next one, however often the session is renewed. */
export const MAX_SESSION_SECONDS = 7 * 24 * 60 * 60;

/** Ended sessions that are kept of one user. */
const MAX_ENDED = 100;

/** A session of the pages, of which there may be several tokens. */
export interface SessionClaim {
  /** Unique; a renewed session keeps it. */
  readonly id: string;
  /** The time of the sign-in, in seconds since the epoch, as all times here. */
  readonly began: number;
}

interface EndedSession {
  readonly id: string;
  /** When the last of its tokens has ended. */
  readonly until: number;
}

/** The sessions of a user that sign-outs have ended before their time. */
export interface EndedSessions {
  readonly sessions: readonly EndedSession[];
  /** All sessions that began up to this time have ended too. */
  readonly begunUntil?: number;
}

export function hasEnded(ended: EndedSessions | undefined, { id, began }: SessionClaim): boolean {
  if (!ended) return false;
  return began <= (ended.begunUntil ?? 0) || ended.sessions.some((session) => session.id === id);
}

/**
 * The ended sessions with one more, without those of which no token is left. Who ends too many loses all sessions that have begun,
 * rather than that an ended one counts again.
 */
export function withEnded(
  ended: EndedSessions | undefined,
  session: SessionClaim,
  now: number,
): EndedSessions {
  if (ended && hasEnded(ended, session)) return ended;
  const { id, began } = session;
  // Another node may renew a token until it sees this.
  const until = Math.min(began + MAX_SESSION_SECONDS, now + SESSION_SECONDS + RENEWAL_SECONDS);
  const current = ended?.sessions.filter((other) => other.until > now) ?? [];
  if (current.length >= MAX_ENDED) return { sessions: [], begunUntil: now };
  const begunUntil = ended?.begunUntil;
  const isNeeded = begunUntil !== undefined && begunUntil + MAX_SESSION_SECONDS > now;
  return { sessions: [...current, { id, until }], ...(isNeeded && { begunUntil }) };
}

/** The rows of a user's file. */
export function encodeEnded(ended: EndedSessions | undefined): Readonly<Record<string, unknown>> {
  if (!ended) return {};
  const { sessions, begunUntil } = ended;
  return {
    ...(begunUntil !== undefined && { sessions_ended_until: begunUntil }),
    ...(sessions.length > 0 && { ended_sessions: sessions.map((session) => ({ ...session })) }),
  };
}

/** Throws `InvalidAccessFileError`. */
export function parseEnded(file: AccessFile): EndedSessions | undefined {
  const sessions = file.rows("ended_sessions").map(({ id, until }) => {
    if (typeof until !== "number") throw file.fault("an ended session has no time until which it is kept");
    return { id: plainText(id), until };
  });
  const begunUntil = file.seconds("sessions_ended_until");
  if (sessions.length === 0 && begunUntil === undefined) return undefined;
  return { sessions, ...(begunUntil !== undefined && { begunUntil }) };
}
