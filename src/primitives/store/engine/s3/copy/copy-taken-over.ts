import { ExpectedError } from "../../../../expected-error.ts";

/** Another process copies to the same bucket by now. */
export class CopyTakenOverError extends ExpectedError {
  override readonly name = "CopyTakenOverError";
  override readonly kind = "conflict";
  constructor(place: string) {
    super(`another 'everlock storage copy' to ${place} has begun; this one ends`);
  }
}
