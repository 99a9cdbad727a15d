import { type Moment, parseMoment } from "../../oci-http/operations/moment.ts";
import { ConsoleError } from "./console-error.ts";

/** The formats of a time, for error messages. */
export const TIMES = "2h, 3d, yesterday or 2026-01-31T12:00";

/** Throws `ConsoleError`. */
export function readMoment(text: string): Moment {
  const moment = parseMoment(text);
  if (moment) return moment;
  throw new ConsoleError(`'${text}' is no point in time; use ${TIMES}, or the first digits of a commit`);
}
