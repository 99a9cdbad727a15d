/** Matches the output of `everlock serve` once all addresses are printed. */
export const STARTED = /^ {2}data {3}.*\n/m;
