/** `bun run stress` repeats in full what `bun test` does in small. */
export const IS_FULL = process.env["EVERLOCK_STRESS"] === "1";

/** Chosen for each run, and printed, so that a run that found something can be repeated. */
export const SEED = Number(
  process.env["EVERLOCK_STRESS_SEED"] ?? crypto.getRandomValues(new Uint32Array(1))[0],
);
